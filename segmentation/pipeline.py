"""One run, from input files to a published folder of the lake.

`run` reads as the process. Actions of Spark stand in the steps below it, in the order of the run: the look at large
Parquet, the counts of lines, the number of buckets, the sweep, the profiles, the writes, what charts and report
collect, the audit.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import rollups
from segmentation import schemas as s
from segmentation.changes import (
    HAS_NEW_LINES,
    HAS_NEW_RETURNS,
    collected_movements,
    counts,
    segment_changes,
    segment_flow,
)
from segmentation.cleaning.cautions import warn_of_customers
from segmentation.cleaning.rules import rejected_transactions, sales_lines
from segmentation.clustering.choose_k import Choice
from segmentation.clustering.segments import clustered_only, segment_profiles
from segmentation.config.engine import require_readable
from segmentation.config.settings import RunConfig
from segmentation.context import InputContext, Published, Request, RunContext, published_before
from segmentation.customers import Purchases, customer_buckets, customers_of, purchases_of
from segmentation.errors import NO_SPACE, QualityGateError, SegmentationError, counted
from segmentation.exports import change_rows, export_rows, file_names
from segmentation.filesystem import filesystem_for
from segmentation.ingest.refused_folders import require_apart
from segmentation.intake import CleanedLines, clean_lines, look_at_input
from segmentation.lake import audit, gates, manifest, staging
from segmentation.lake.lineage import lineage_in, require_model
from segmentation.lake.manifest import BuildsUpon, identify
from segmentation.lake.runs import Lake
from segmentation.lake.staging import find_run_id
from segmentation.progress import Progress, collected_warnings
from segmentation.refit import (
    ChosenModel,
    Earlier,
    NamedSegments,
    choose_model,
    compare_customers,
    name_model,
    open_earlier_runs,
    with_scores,
)
from segmentation.report.charts import draw_all
from segmentation.report.data import History, LargeTables, ReportData, collect
from segmentation.report.page import REPORT, RunDetails, render
from segmentation.report.returns import returns_warnings
from segmentation.report.text import Rows
from segmentation.scoring.profiles import rfm_by_segment, rfm_profiles
from segmentation.scoring.statistics import CustomerStatistics, customer_statistics
from segmentation.scoring.words import cuts_in_words
from segmentation.session import cancel_tagged_jobs, guest_of, local_directory

logger = logging.getLogger(__name__)

STAGES = 9
# What tables say of the customers of this run and of the run before.
COMPARED = tuple(dict.fromkeys([*s.CUSTOMER_SEGMENTS.names, *s.SEGMENT_CHANGES.names, HAS_NEW_LINES, HAS_NEW_RETURNS]))


@dataclass(frozen=True)
class Aggregates(Purchases):
    """What was bought and came back by order, and by customer and product; `rollups` by table name. All are cached."""

    rollups: Mapping[str, DataFrame]


@dataclass(frozen=True)
class Segments:
    """The segments of a run: the customers' frame (cached), and the collected rows of the small tables.

    `moves` are the rows of `changes.movements`; empty without a run before.
    """

    chosen: ChosenModel
    named: NamedSegments
    customers: DataFrame
    profiles: Sequence[Mapping[str, Any]]
    statistics: CustomerStatistics
    moves: Sequence[Mapping[str, Any]]

    @property
    def choice(self) -> Choice:
        return self.chosen.model.choice


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
            files = look_at_input(spark, request.inputs, config)
            lineage = lineage_in(lake, config, request.model)
            identity = identify(
                [file.as_listed for file in files], config, request.as_of, request.model, request.rename
            )
            published = lineage.published(identity)
            run_id, is_published = find_run_id(lake, identity, published, request.run_id, request.force)
            if not is_published:
                require_model(lineage, lake, config)
            progress.note(counted(len(files), "file"))
            progress.expect(lake.seconds_of_latest())
        if is_published:
            staging.update_latest(lake)  # the process that published it may have ended just before
            return published_before(lake, run_id)
        staged = staging.stage(lake, run_id)
        context = RunContext(spark, config, request, progress, files, warnings, identity, staged, lineage)
        with _discarded_on_failure(context, job_tag):
            return run(context)


def run(context: RunContext) -> Published:
    """Clean the lines, segment the customers, write tables, charts and report, audit all of it, publish it."""
    stage, spark, config, staged = context.progress.stage, context.spark, context.config, context.staged

    with stage("Cleaning the lines"):
        lines = clean_lines(context)
        staged.write_table("rejected_transactions", rejected_transactions(lines.exceptional, config.input_fields))
        staged.write_small_table("data_quality", lines.ledger.data_quality)
    context, builds_upon = identified(context, lines.as_of)
    earlier = open_earlier_runs(context, builds_upon)

    with stage("Aggregating customers, countries and products"):
        sold = aggregate(context, lines)
        buckets = customer_buckets(lines)
        customers = customer_table(context, lines, sold, buckets)
        for name, rollup in sold.rollups.items():
            staged.write_table(name, rollup)

    with stage("Trying each number of segments"):
        chosen = choose_model(context, lines, customers, earlier)
        context.progress.note(model_note(chosen))

    with stage("Naming the segments"):
        segments = name_and_assign(context, lines, customers, buckets, chosen, earlier)
        staged.write_small_table("segment_profiles", segments.profiles)
        staged.write_small_table("k_sweep", chosen.k_sweep)
        staged.write_small_table("segment_flow", segment_flow(segments.moves))
        if "country_sales" in sold.rollups:
            staged.write_table("country_segments", rollups.country_segments(sold.orders, segments.customers))
        if "product_sales" in sold.rollups:
            staged.write_table("product_segments", rollups.product_segments(sold.baskets, segments.customers))
        names = rfm_profiles(segments.statistics, segments.named.rules)
        staged.write_small_table("rfm_profiles", names)
        staged.write_small_table("rfm_by_segment", rfm_by_segment(segments.statistics))

    facts = manifest.run_facts(
        config, context.identity, context.files, lines.as_of, context.began, segments.choice, spark.version
    )
    facts |= model_facts(segments, builds_upon, lines) | change_facts(segments, earlier)
    with stage("Drawing the charts"):
        history = history_of(facts["model"], segments, earlier, lines)
        report_data = collect_report_data(context, lines, sold, segments, names, history)
        large_tables = audit.start_reading_back(staged, segments.named.model, config)
        charts = draw_all(report_data, put=staged.put_file)

    with stage("Writing the report"):
        run_id, command = context.staged.run_id, context.request.command
        details = RunDetails(run_id, facts, context.progress.seconds, context.warnings, command)
        staged.put_text(render(report_data, charts, details), REPORT)

    run_id = audit_and_publish(context, lines, segments, earlier, facts, large_tables)
    path = staged.lake.run_path(run_id)
    quality = lines.ledger.data_quality
    return Published(
        run_id,
        path,
        already_published=False,
        choice=segments.choice.summary,
        quality=quality,
        segments=segments.profiles,
        warnings=context.warnings,
        verdict=segments.choice.verdict,
        rfm_profiles=names,
        **{entry: facts[entry] for entry in ("model", "predecessor", "changes")},
    )


def identified(context: RunContext, as_of: date) -> tuple[RunContext, BuildsUpon]:
    """Return the context of a run whose day is known, and so the published runs that it builds upon."""
    builds_upon, request = context.lineage.before(as_of), context.request
    identity = context.identity.building_upon(builds_upon)
    lake = context.staged.lake
    run_id = request.run_id or identity.default_run_id
    staged = replace(context.staged, run_id=staging.free_run_id(lake, run_id) if request.force else run_id)
    return replace(context, identity=identity, staged=staged), builds_upon


def model_note(chosen: ChosenModel) -> str:
    """Say which model segments the customers, in a few words for the progress."""
    choice = chosen.model.choice
    if chosen.is_fitted:
        return f"k = {choice.k}, {choice.verdict or choice.rule}"
    return f"k = {choice.k}, by the model of run {chosen.model.fitted_in}, fitted as of {chosen.model.fitted_as_of}"


def model_facts(segments: Segments, builds_upon: BuildsUpon, lines: CleanedLines) -> dict[str, Any]:
    """Return the manifest's entries on the model, where it comes from, and what became of the segments before."""
    chosen, model = segments.chosen, segments.named.model
    return {
        "rfm_cuts": model.cuts.facts(),
        "predecessor": builds_upon.predecessor,
        "first_day_of_window": lines.first_day and lines.first_day.isoformat(),
        "model": {
            **model.facts(),
            "is_fitted": chosen.is_fitted,
            "why": chosen.why,
            "events": [asdict(event) for event in chosen.events],
            "renamed": list(segments.named.renamed),
        },
    }


def change_facts(segments: Segments, earlier: Earlier) -> dict[str, Any]:
    """Return the manifest's entry on who moved since the run before."""
    before = earlier.predecessor
    return {"changes": before and {"since": before.as_of.isoformat(), **counts(segments.moves)}}


def history_of(model: Mapping[str, Any], segments: Segments, earlier: Earlier, lines: CleanedLines) -> History:
    """Return what the report shows of the model and of the changes since the run before."""
    before = earlier.predecessor
    if before is None:
        return History(model, first_day=lines.first_day)
    return History(model, before.run.run_id, before.as_of, segments.moves, lines.first_day)


def aggregate(context: RunContext, lines: CleanedLines) -> Aggregates:
    """Match returns to purchases, and aggregate the sales to what further steps share. Runs no action but shuffles."""
    config, sales, returned = context.config, lines.sales, lines.returned
    purchases = purchases_of(context, lines)
    orders, baskets = context.cache(purchases.orders), context.cache(purchases.baskets)
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


def customer_table(context: InputContext, lines: CleanedLines, purchases: Purchases, buckets: int) -> DataFrame:
    """Return the customers' features (cached). Runs the action of their number and the two with the most orders."""
    customers = context.cache(customers_of(lines, purchases, buckets))
    most_orders = customers.orderBy(F.col(s.PURCHASE_FREQUENCY).desc(), F.col(s.TOTAL_SPEND).desc()).limit(2)
    figures = most_orders.select(s.PURCHASE_FREQUENCY, s.TOTAL_SPEND)
    largest = figures.crossJoin(customers.agg(F.count(F.lit(1)).alias(s.CUSTOMERS))).collect()  # two rows
    count = largest[0][s.CUSTOMERS] if largest else 0
    warn_of_customers(largest, count, lines.facts, lines.ledger, context.config)
    context.progress.note(f"{count:,} customers")
    return customers


def name_and_assign(
    context: RunContext,
    lines: CleanedLines,
    customers: DataFrame,
    buckets: int,
    chosen: ChosenModel,
    earlier: Earlier,
) -> Segments:
    """Name the segments and assign every customer; write both. Runs the actions of names, moves and profiles."""
    config, staged = context.config, context.staged
    scored, words = with_scores(context, customers, chosen.model.cuts)
    named = name_model(context, chosen, scored, words)
    both = compare_customers(context, replace(chosen, model=named.model), lines, scored, earlier)
    both = context.cache(both.select(*COMPARED).coalesce(buckets))
    assigned = both.where(F.col(s.SEGMENT_ID).isNotNull()).select(*s.column_names(s.CUSTOMER_SEGMENTS))
    # One row per segment, per rfm_segment, and per pair of both.
    statistics = CustomerStatistics.of(customer_statistics(assigned, config.recency).collect())
    moves = collected_movements(both) if earlier.predecessor is not None else []
    staged.write_table("segment_changes", segment_changes(both))
    profiles = segment_profiles(statistics.segments, known_segments(named, config))
    staged.write_table("customer_segments", assigned)
    if config.exports.enabled:
        changed = None if earlier.predecessor is None else change_rows(both)
        staged.write_exports(export_rows(assigned, config.spend, config.recency), file_names(profiles), changed)
    staged.write_model(named.model.pipeline(config.basis))
    return Segments(chosen, named, assigned, profiles, statistics, moves)


def known_segments(named: NamedSegments, config: RunConfig) -> list[dict[str, Any]]:
    """Return what `segment_profiles` says of each segment of a model but for its customers."""
    segments = named.model.segments
    centres = clustered_only([segment.centre for segment in segments], config.clustering.features)
    return [
        {
            s.SEGMENT_ID: segment.segment_id,
            s.SEGMENT_NAME: segment.name.name,
            s.SUGGESTED_NAME: suggested,
            s.RULE: segment.name.rule,
            s.CENTRE: centre,
            s.JACCARD: segment.jaccard,
        }
        for segment, suggested, centre in zip(segments, named.suggested, centres, strict=True)
    ]


def collect_report_data(
    context: RunContext,
    lines: CleanedLines,
    sold: Aggregates,
    segments: Segments,
    names: Rows,
    history: History,
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
        segments.chosen.k_sweep,
        segments.profiles,
        segments.statistics,
        lines.ledger.data_quality,
        cuts_in_words(segments.named.words),
        names,
        tables,
        history,
    )
    is_net = config.figures == "net"
    for warning in returns_warnings(data.profiles, data.returned_orders, config.charts.currency, is_net):
        logger.warning("%s", warning)
    return data


def audit_and_publish(
    context: RunContext,
    lines: CleanedLines,
    segments: Segments,
    earlier: Earlier,
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
            "k_sweep": len(segments.chosen.k_sweep),
            "data_quality": len(lines.ledger.data_quality),
        }
        tables = s.tables_of(config.input_fields)
        before = earlier.predecessor.reconciliation if earlier.predecessor else None
        result = audit.audit_staged(staged, large_tables, lines.ledger.data_quality, expected_rows, tables, before)
        before_window = lines.ledger.earlier if lines.first_day is not None else 0
        figures = gates.run_figures(staged.run_id, result.reconciliation, segments.profiles, before_window)
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
