"""The run from input to published: the only module that joins the stages, and where actions stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import SparkSession

from segmentation import rollups
from segmentation import schemas as s
from segmentation.cleaning.ledger import (
    Ledger,
    day_after_last_sale,
    line_counts,
    require_clean_lines,
    warn_of_malformed,
)
from segmentation.cleaning.parse import parse_lines
from segmentation.cleaning.rules import cancelled_lines, judge_lines, rejected_transactions, sales_lines
from segmentation.clustering.naming import name_segments
from segmentation.clustering.scaling import prepare
from segmentation.clustering.segments import (
    clustered_only,
    customer_segments,
    ordered_by_spend,
    segment_model,
    segment_profiles,
    segment_statistics,
    sweep_row,
)
from segmentation.clustering.sweep import choose_and_refit, ks_to_fit, require_customers, sweep
from segmentation.config.settings import RunConfig
from segmentation.errors import NO_SPACE, QualityGateError, SegmentationError
from segmentation.features import baskets_of, customer_features, orders_of
from segmentation.filesystem import filesystem_for
from segmentation.ingest.files import InputFile, find_input
from segmentation.ingest.read import read_errors_named, read_lines
from segmentation.ingest.sizes import estimated_csv_bytes
from segmentation.lake import audit, manifest, staging
from segmentation.lake.manifest import Identity, identify
from segmentation.lake.runs import Lake
from segmentation.lake.staging import Request, StagedRun, find_run_id, small_table, wanted_id
from segmentation.progress import Progress, warnings_kept
from segmentation.report.charts import draw_all
from segmentation.report.data import LargeTables, collect
from segmentation.report.page import REPORT, RunDetails, render
from segmentation.session import cancel_jobs, local_directory, spread

STAGES = 9


@dataclass(frozen=True)
class Published:
    """Where a run was published, and what a closing summary tells; `before` if it was there already."""

    run_id: str
    path: str
    before: bool
    choice: str = ""
    quality: Sequence[Mapping[str, Any]] = ()
    segments: Sequence[Mapping[str, Any]] = ()


def run(spark: SparkSession, config: RunConfig, request: Request, progress: Progress) -> Published:
    """Reads, cleans, segments and publishes one run, or nothing.

    Raises ConfigError, InputError, QualityGateError or PublishConflict, each with what to do.
    """
    with warnings_kept() as warnings:
        return _run(spark, config, request, progress, warnings)


def _run(
    spark: SparkSession, config: RunConfig, request: Request, progress: Progress, warnings: Sequence[str]
) -> Published:
    lake = Lake(spark, request.output)
    with progress.stage("Looking at the input"):
        staging.require_writable(lake)
        staging.remove_abandoned(lake)
        files = find_input(spark, request.inputs, config.input)
        spread(spark, sum(estimated_csv_bytes(file.path, file.stored.size) for file in files))
        identity = identify([file.stored for file in files], config, request.as_of)
        run_id, is_published = find_run_id(lake, identity, request)
        progress.found(f"{len(files)} file{'s' if len(files) > 1 else ''}")
    if is_published:
        staging.name_latest(lake)  # its own process may have ended just before that
        return Published(run_id, lake.run_path(run_id), before=True)
    staged = staging.stage(lake, run_id)
    try:
        return _publish(spark, config, request, progress, staged, files, identity, warnings)
    except QualityGateError as error:
        place = staged.refuse().removeprefix("file:")
        raise QualityGateError(f"{error}; the refused run is kept at {place}") from error
    except BaseException as error:  # what a person can mend, a signal, a job that failed: others may still write
        full = _where_space_is_left(spark, lake) if NO_SPACE in str(error) else None
        staged.discard_under_way(lambda: cancel_jobs(spark))
        if full:
            raise SegmentationError(full) from error
        raise
    finally:
        staged.discard()


def _publish(
    spark: SparkSession,
    config: RunConfig,
    request: Request,
    progress: Progress,
    staged: StagedRun,
    files: Sequence[InputFile],
    identity: Identity,
    warnings: Sequence[str],
) -> Published:
    began, wanted = datetime.now(UTC), config.clustering
    spark.catalog.clearCache()  # of a run before this one in the same session

    with progress.stage("Cleaning the lines"):
        parsed = parse_lines(read_lines(spark, files, config.input), config.cleaning)
        judged = judge_lines(parsed, config.cleaning, request.as_of)
        lines = judged.drop(s.SOURCE_FILE).persist()  # a rejected line's file is in its rejection
        with read_errors_named(spark, files):
            ledger = Ledger(line_counts(lines).collect(), files)  # one row per outcome
        as_of = request.as_of or day_after_last_sale(ledger, judged)
        require_clean_lines(ledger)
        warn_of_malformed(ledger)
        quality, counts = ledger.data_quality, ledger.counts
        progress.found(f"{counts[s.CLEAN]:,} of {ledger.read:,} lines usable, as of {as_of}")
        sales = sales_lines(lines)
        staged.write_table("rejected_transactions", rejected_transactions(lines))
        staged.write_table("data_quality", small_table(spark, "data_quality", quality))

    with progress.stage("Aggregating customers, countries and products"):
        orders = orders_of(sales).persist()
        baskets = baskets_of(sales).persist()
        cancelled = cancelled_lines(lines)
        features = customer_features(orders, baskets, cancelled, as_of)
        customers = features.repartition(1).sortWithinPartitions(s.CUSTOMER_ID).persist()
        preparation = prepare(customers, wanted)
        require_customers(preparation, wanted.k, ledger.in_words())
        progress.found(f"{preparation.count:,} customers")
        countries = rollups.country_sales(orders).coalesce(1).persist()
        products = rollups.product_sales(sales, baskets, config.rollups.merchandise_pattern).coalesce(1).persist()
        staged.write_table("country_sales", countries)
        staged.write_table("product_sales", products)

    with progress.stage("Trying each number of segments"):
        swept = sweep(preparation, ks_to_fit(preparation, wanted), wanted)
        fits, choice = choose_and_refit(preparation, swept, wanted)
        progress.found(choice.reason)

    with progress.stage("Naming the segments"):
        fit, centres = ordered_by_spend(preparation, next(fit for fit in fits if fit.k == choice.k), wanted.features)
        names = name_segments(customers, centres, config.naming)
        model = segment_model(preparation, fit.centres, [name.name for name in names])
        segments = customer_segments(customers, model, fit, as_of).persist()
        statistics = segment_statistics(segments).collect()  # one row per segment
        described = segment_profiles(
            statistics, [name.rule for name in names], clustered_only(centres, wanted.features)
        )
        sweep_rows = [sweep_row(fit, choice) for fit in fits]
        staged.write_table("customer_segments", segments)
        staged.write_table("segment_profiles", small_table(spark, "segment_profiles", described))
        staged.write_table("k_sweep", small_table(spark, "k_sweep", sweep_rows))
        staged.write_model(model)
        staged.write_table("country_segments", rollups.country_segments(orders, segments))
        staged.write_table("product_segments", rollups.product_segments(baskets, segments))

    facts = manifest.run_facts(config, identity, files, as_of, began, choice, spark.version)
    with progress.stage("Drawing the charts"):
        data = collect(
            config,
            choice,
            sweep_rows,
            described,
            [row.asDict() for row in statistics],
            quality,
            LargeTables(
                orders=orders,
                customer_segments=segments,
                country_sales=countries,
                product_sales=products,
                country_segments=staged.written("country_segments"),
                product_segments=staged.written("product_segments"),
                rejected_transactions=staged.written("rejected_transactions"),
            ),
        )
        charts = draw_all(data, put=staged.put_file)

    with progress.stage("Writing the report"):
        details = RunDetails(staged.run_id, facts, progress.seconds, warnings, request.command)
        staged.put_text(render(data, charts, details), REPORT)

    with progress.stage("Auditing"):
        staged.finish_writing()
        made = {"customer_segments": preparation.count, "segment_profiles": len(described), "k_sweep": len(fits)}
        made["data_quality"] = len(quality)
        figures, reconciliation, files_written = audit.audited(staged, quality, made)
        audit.require_gates(config, staged, reconciliation, described, as_of)
        contents = manifest.contents({table: row[s.ROWS] for table, row in figures.items()}, files_written)
        staging.reached(staging.AUDITED)

    with progress.stage("Publishing"):
        told = {**facts, "reconciliation": reconciliation, "seconds": dict(progress.seconds), **contents}
        run_id = staged.publish(told, number_from=wanted_id(identity, request) if request.force else None)
    return Published(run_id, staged.lake.run_path(run_id), False, choice.reason, quality, described)


def _where_space_is_left(spark: SparkSession, lake: Lake) -> str:
    scratch = local_directory(spark)
    places = {f"the lake {lake.shown}": lake.path, f"Spark's local directory {scratch}": f"file:{scratch}"}
    free = [
        f"{name} has {filesystem_for(spark, path).free_bytes(path) / 2**20:,.0f} MB free"
        for name, path in places.items()
    ]
    return f"{NO_SPACE}: {', '.join(free)}: make room, or set spark.local.dir to a larger disk; nothing was published"
