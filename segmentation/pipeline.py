"""One run, from input files to a published folder of the lake.

`run` reads as the process. Actions of Spark stand in the steps below it, in the order of the run: the look at large
Parquet, the counts of lines, the number of buckets, the sweep, the profiles, the writes, what charts and report
collect, the audit.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import rollups
from segmentation import schemas as s
from segmentation.buckets import in_buckets
from segmentation.cleaning.cautions import (
    warn_of_customers,
)
from segmentation.cleaning.rules import (
    rejected_transactions,
    sales_lines,
)
from segmentation.clustering.choose_k import Choice
from segmentation.clustering.kmeans import Fit
from segmentation.clustering.naming import name_segments
from segmentation.clustering.scaling import Preparation, prepare, to_cluster
from segmentation.clustering.segments import (
    cluster_model,
    clustered_only,
    customer_segments,
    naming_stage,
    ordered_by_spend,
    segment_profiles,
    sweep_row,
    with_segment_id,
)
from segmentation.clustering.sweep import choose_and_refit, ks_to_fit, require_customers, sweep
from segmentation.config.engine import require_readable
from segmentation.config.settings import RunConfig
from segmentation.context import Published, Request, RunContext, published_before
from segmentation.errors import NO_SPACE, QualityGateError, SegmentationError, counted
from segmentation.exports import export_rows, file_names
from segmentation.features import baskets_of, customer_features, orders_of
from segmentation.filesystem import filesystem_for
from segmentation.guess.unread import may_have_unread_columns, unread_marks
from segmentation.ingest.find import find_input
from segmentation.ingest.refused_folders import require_apart
from segmentation.intake import CleanedLines, clean_lines, text_bytes, warn_of_missing_fields
from segmentation.lake import audit, gates, manifest, staging
from segmentation.lake.manifest import identify
from segmentation.lake.runs import Lake
from segmentation.lake.staging import find_run_id
from segmentation.progress import Progress, collected_warnings
from segmentation.report.charts import draw_all
from segmentation.report.data import LargeTables, ReportData, collect
from segmentation.report.page import REPORT, RunDetails, render
from segmentation.report.returns import returns_warnings
from segmentation.report.text import Rows
from segmentation.returns import lines_of_returned_products, money_taken_back
from segmentation.scoring.cuts import find_cuts
from segmentation.scoring.profiles import rfm_by_segment, rfm_profiles
from segmentation.scoring.reasons import with_reason
from segmentation.scoring.scores import with_scores
from segmentation.scoring.statistics import CustomerStatistics, customer_statistics
from segmentation.scoring.words import Words, cuts_in_words, rules_in_words
from segmentation.session import cancel_tagged_jobs, guest_of, local_directory, set_shuffle_partitions

logger = logging.getLogger(__name__)

STAGES = 9
# One bucket holds more than the largest `clustering.seeding_sample`: up to that, Spark's KMeans fits all customers.
CUSTOMERS_OF_A_BUCKET = 150_000
LINES_OF_ONE_BUCKET = 1_000_000


@dataclass(frozen=True)
class Aggregates:
    """What was bought and came back by order, and by customer and product; `rollups` by table name. All are cached."""

    orders: DataFrame
    baskets: DataFrame
    rollups: Mapping[str, DataFrame]


@dataclass(frozen=True)
class Segments:
    """The segments of a run: the customers' frame (cached), and the collected rows of the small tables."""

    customers: DataFrame
    profiles: Sequence[Mapping[str, Any]]
    statistics: CustomerStatistics
    k_sweep: Sequence[Mapping[str, Any]]
    choice: Choice


def segment_customers(
    spark: SparkSession, config: RunConfig, request: Request, progress: Progress | None = None
) -> Published:
    """Run once and publish, or leave the lake as it was. The same run published before is only found.

    The session is the caller's: its settings, cached tables and running jobs are left as they were.

    Raises: ConfigError, InputError, QualityGateError or PublishConflict, each with what to do.
    """
    progress = progress or Progress(STAGES)
    lake = Lake(spark, request.lake)
    for path in (request.lake, lake.path):  # inputs may be written either way
        require_apart(request.inputs, path)
    with collected_warnings() as warnings, guest_of(spark) as job_tag:
        with progress.stage("Looking at the input"):
            require_readable(spark, config, request.as_of)
            staging.require_writable(lake)
            staging.remove_abandoned(lake)
            files = find_input(spark, request.inputs, config.input)
            set_shuffle_partitions(spark, text_bytes(files))
            identity = identify([file.as_listed for file in files], config, request.as_of)
            run_id, is_published = find_run_id(lake, identity, request.run_id, request.force)
            progress.note(counted(len(files), "file"))
            warn_of_missing_fields(config)
            for caution in unread_marks(request.inputs, config) if may_have_unread_columns(files, config) else ():
                logger.warning("%s", caution)
            progress.expect(lake.seconds_of_latest())
        if is_published:
            staging.update_latest(lake)  # the process that published it may have ended just before
            return published_before(lake, run_id)
        staged = staging.stage(lake, run_id)
        context = RunContext(spark, config, request, progress, warnings, files, identity, staged)
        with _discarded_on_failure(context, job_tag):
            return run(context)


def run(context: RunContext) -> Published:
    """Clean the lines, segment the customers, write tables, charts and report, audit all of it, publish it."""
    stage, spark, config, staged = context.progress.stage, context.spark, context.config, context.staged

    with stage("Cleaning the lines"):
        lines = clean_lines(context)
        staged.write_table("rejected_transactions", rejected_transactions(lines.exceptional, config.input_fields))
        staged.write_small_table("data_quality", lines.ledger.data_quality)

    with stage("Aggregating customers, countries and products"):
        sold = aggregate(context, lines)
        customers, preparation = customer_table(context, lines, sold.orders, sold.baskets)
        scored, words = score_customers(context, customers)
        for name, rollup in sold.rollups.items():
            staged.write_table(name, rollup)

    with stage("Trying each number of segments"):
        fits, choice = fit_every_k(context, preparation)

    with stage("Naming the segments"):
        rules = rules_in_words(config.rfm.rules, words)
        segments = name_and_assign(context, scored, preparation, fits, choice, lines.as_of, words, rules)
        staged.write_small_table("segment_profiles", segments.profiles)
        staged.write_small_table("k_sweep", segments.k_sweep)
        if "country_sales" in sold.rollups:
            staged.write_table("country_segments", rollups.country_segments(sold.orders, segments.customers))
        if "product_sales" in sold.rollups:
            staged.write_table("product_segments", rollups.product_segments(sold.baskets, segments.customers))
        names = rfm_profiles(segments.statistics, rules)
        staged.write_small_table("rfm_profiles", names)
        staged.write_small_table("rfm_by_segment", rfm_by_segment(segments.statistics))

    facts = manifest.run_facts(
        config, context.identity, context.files, lines.as_of, context.began, choice, spark.version
    )
    facts["rfm_cuts"] = words.cuts.facts()
    with stage("Drawing the charts"):
        report_data = collect_report_data(context, lines, sold, segments, names, words)
        large_tables = audit.start_reading_back(staged, s.tables_of(config.input_fields))
        charts = draw_all(report_data, put=staged.put_file)

    with stage("Writing the report"):
        details = RunDetails(staged.run_id, facts, context.progress.seconds, context.warnings, context.request.command)
        staged.put_text(render(report_data, charts, details), REPORT)

    run_id = audit_and_publish(context, lines, segments, facts, large_tables)
    path = staged.lake.run_path(run_id)
    quality = lines.ledger.data_quality
    return Published(
        run_id, path, False, choice.summary, quality, segments.profiles, context.warnings, choice.verdict, names
    )


def aggregate(context: RunContext, lines: CleanedLines) -> Aggregates:
    """Match returns to purchases, and aggregate the sales to what further steps share. Runs no action but shuffles."""
    config, sales, returned = context.config, lines.sales, lines.returned
    returned_products = context.cache(lines_of_returned_products(sales, returned, lines.join))
    taken_back = context.cache(money_taken_back(sales, returned_products, lines.join))
    orders = context.cache(orders_of(lines.order_sums, taken_back))
    baskets = context.cache(baskets_of(sales, taken_back))
    tables = {}
    if s.COUNTRY in config.input_fields:
        tables["country_sales"] = rollups.country_sales(orders, returned)
    if s.STOCK_CODE in config.input_fields:
        pattern = config.rollups.merchandise_pattern
        tables["product_sales"] = rollups.product_sales(
            sales, sales_lines(lines.exceptional), baskets, returned, pattern
        )
    cached = {name: context.cache(table.coalesce(1)) for name, table in tables.items()}
    return Aggregates(orders, baskets, cached)


def customer_table(
    context: RunContext, lines: CleanedLines, orders: DataFrame, baskets: DataFrame
) -> tuple[DataFrame, Preparation]:
    """Return the customers' features (cached), and their points scaled for clustering.

    Runs the actions of scaling and of the two customers with the most orders.
    """
    features = customer_features(orders, baskets, lines.returned, lines.as_of)
    customers = context.cache(in_buckets(features, customer_buckets(lines), s.CUSTOMER_ID))
    config = context.config
    preparation = prepare(to_cluster(customers, config.basis), config.clustering, config.basis)
    context.cached.append(preparation.points)
    require_customers(preparation, config.clustering.k, lines.ledger.lines_read)
    most_orders = customers.orderBy(F.col(s.PURCHASE_FREQUENCY).desc(), F.col(s.TOTAL_SPEND).desc()).limit(2)
    largest = most_orders.select(s.PURCHASE_FREQUENCY, s.TOTAL_SPEND).collect()
    warn_of_customers(largest, preparation.count, lines.facts, lines.ledger, config)
    context.progress.note(f"{preparation.count:,} customers")
    return customers, preparation


def customer_buckets(lines: CleanedLines) -> int:
    """Return the number of buckets of the customers. Of many lines, runs the action that estimates their count."""
    if lines.ledger.counts[s.CLEAN] <= LINES_OF_ONE_BUCKET:
        return 1
    customers = int(lines.order_sums.agg(F.approx_count_distinct(s.CUSTOMER_ID)).collect()[0][0])  # one row
    return max(1, -(-customers // CUSTOMERS_OF_A_BUCKET))


def score_customers(context: RunContext, customers: DataFrame) -> tuple[DataFrame, Words]:
    """Return the customers with scores, rfm_segment and reason, and what these mean. Runs the action of the cuts."""
    config = context.config
    figures = config.basis
    cuts = find_cuts(customers, figures, config.rfm)
    words = Words(cuts, figures, config.charts.currency)
    scored = with_scores(customers, figures, cuts, config.rfm.rules)
    return with_reason(scored, config.rfm.rules, words), words


def fit_every_k(context: RunContext, preparation: Preparation) -> tuple[list[Fit], Choice]:
    """Fit KMeans for every k, and choose one."""
    settings = context.config.clustering
    fits, choice = choose_and_refit(
        preparation, sweep(preparation, ks_to_fit(preparation, settings), settings), settings
    )
    context.progress.note(f"k = {choice.k}, {choice.verdict or choice.rule}")
    return fits, choice


def name_and_assign(
    context: RunContext,
    customers: DataFrame,
    preparation: Preparation,
    fits: Sequence[Fit],
    choice: Choice,
    as_of: date,
    words: Words,
    rules_in_plain_words: Mapping[str, str],
) -> Segments:
    """Name the segments, assign every customer, write both. Runs the actions of centres, names and profiles."""
    config, staged = context.config, context.staged
    features = config.clustering.features
    chosen = next(fit for fit in fits if fit.k == choice.k)
    fit, centres = ordered_by_spend(preparation, chosen, features)
    clustering = cluster_model(preparation, fit.centres)
    clustered = clustering.transform(customers)
    unnamed = with_segment_id(to_cluster(clustered, config.basis))
    names = name_segments(
        unnamed, centres, [dimension.feature for dimension in features], config.naming, words, rules_in_plain_words
    )
    naming = naming_stage([name.name for name in names], config.basis)
    assigned = context.cache(customer_segments(naming.transform(clustered), fit, as_of))
    # One row per segment, per rfm_segment, and per pair of both.
    statistics = CustomerStatistics.of(customer_statistics(assigned, config.recency).collect())
    jaccards = fit.stability.jaccards if fit.stability else [None] * fit.k
    rules = [name.rule for name in names]
    profiles = segment_profiles(statistics.segments, rules, clustered_only(centres, features), jaccards)
    staged.write_table("customer_segments", assigned)
    if config.exports.enabled:
        staged.write_exports(export_rows(assigned, config.spend, config.recency), file_names(profiles))
    staged.write_model(PipelineModel([*clustering.stages, naming]))
    k_sweep = [sweep_row(fit, choice) for fit in fits]
    return Segments(assigned, profiles, statistics, k_sweep, choice)


def collect_report_data(
    context: RunContext,
    lines: CleanedLines,
    sold: Aggregates,
    segments: Segments,
    names: Rows,
    words: Words,
) -> ReportData:
    """Collect the bounded rows that charts and report show."""
    written = context.staged.written
    countries, products = sold.rollups.get("country_sales"), sold.rollups.get("product_sales")
    tables = LargeTables(
        orders=sold.orders,
        customer_segments=segments.customers,
        country_sales=countries,
        product_sales=products,
        country_segments=written("country_segments") if countries is not None else None,
        product_segments=written("product_segments") if products is not None else None,
        rejected_transactions=written("rejected_transactions"),
    )
    config = context.config
    data = collect(
        config,
        segments.choice,
        segments.k_sweep,
        segments.profiles,
        segments.statistics,
        lines.ledger.data_quality,
        cuts_in_words(words),
        names,
        tables,
    )
    is_net = config.figures == "net"
    for warning in returns_warnings(data.profiles, data.returned_orders, config.charts.currency, is_net):
        logger.warning("%s", warning)
    return data


def audit_and_publish(
    context: RunContext,
    lines: CleanedLines,
    segments: Segments,
    facts: Mapping[str, Any],
    large_tables: Future[audit.Rows],
) -> str:
    """Read the rest of the staged run back, hold it against its counts and the gates, publish it, and return its id."""
    config, staged, progress = context.config, context.staged, context.progress
    with progress.stage("Auditing"):
        staged.finish_writing(sensitive_to_group=config.lake.sensitive_mode == "group")
        expected_rows = {
            "customer_segments": segments.statistics.overall[s.CUSTOMERS],
            "segment_profiles": len(segments.profiles),
            "k_sweep": len(segments.k_sweep),
            "data_quality": len(lines.ledger.data_quality),
        }
        tables = s.tables_of(config.input_fields)
        result = audit.audit_staged(staged, large_tables, lines.ledger.data_quality, expected_rows, tables)
        figures = gates.run_figures(staged.run_id, result.reconciliation, segments.profiles)
        previous = gates.previous_figures(staged.lake, config, lines.as_of)
        gates.check_gates(config.quality_gates, figures, previous)
        contents = manifest.contents(result.tables, result.files)
        staging.reached(staging.AUDITED)
    with progress.stage("Publishing"):
        outcome = {"reconciliation": result.reconciliation, "warnings": list(context.warnings)}
        content = {**facts, **outcome, "seconds": dict(progress.seconds), **contents}
        requested_id = context.request.run_id or context.identity.default_run_id
        return staged.publish(content, number_from=requested_id if context.request.force else None)


@contextmanager
def _discarded_on_failure(context: RunContext, job_tag: str) -> Iterator[None]:
    """Leave nothing in the lake where the run fails, but a run that was refused by its audit or a gate."""
    spark, staged = context.spark, context.staged
    try:
        yield
    except QualityGateError as error:
        refused = staged.refuse().removeprefix("file:")
        raise QualityGateError(f"{error}; the refused run is kept at {refused}") from error
    except BaseException as error:  # a fault of the input, a signal, a failed job: tasks may still be writing
        no_space = _no_space_message(spark, staged.lake) if NO_SPACE in str(error) else None
        staged.cancel_and_discard(lambda: cancel_tagged_jobs(spark, job_tag))
        if no_space:
            raise SegmentationError(no_space) from error
        raise
    finally:
        staged.discard()
        context.release_cache()


def _no_space_message(spark: SparkSession, lake: Lake) -> str:
    scratch = local_directory(spark)
    folders = {f"the lake {lake.shown}": lake.path, f"Spark's local directory {scratch}": f"file:{scratch}"}
    free = [
        f"{name} has {filesystem_for(spark, path).free_bytes(path) / 2**20:,.0f} MB free"
        for name, path in folders.items()
    ]
    return f"{NO_SPACE}: {', '.join(free)}: make room, or set spark.local.dir to a larger disk; nothing was published"
