"""Compare the customers of two published runs of one lineage: who moved, why, and what became of the segments.

Actions of Spark: those that load two models, one of a few rows per pair of segments, and one more where the later run
has another model; two writes where an output is asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.changes import KEPT_SEGMENT_ID, collected_movements, compared, segment_changes, segment_flow
from segmentation.clustering.identity import Event, events
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError
from segmentation.exports import change_rows, write_changes
from segmentation.lake.lineage import EarlierRun, changed_settings, configuration_of, open_earlier
from segmentation.lake.runs import Lake
from segmentation.lake.staging import write_rows
from segmentation.output import Output
from segmentation.session import guest_of, persisted, release, set_shuffle_partitions
from segmentation.successor import IS_KNOWN, shared_customers, with_kept_segment

# Of the table customer_segments: what a comparison computes anew is left out.
OWN_COLUMNS = s.CUSTOMER_SEGMENTS.names[: s.CUSTOMER_SEGMENTS.names.index(s.PREVIOUS_SEGMENT_ID)]


@dataclass(frozen=True)
class Comparison:
    """The customers of two runs of one lineage.

    `before` is the run of the earlier day. `customers` has the rows of `changes.compared`, cached; `moves` are those of
    `changes.movements`. `events` say what became of segments, `renamed` which are called otherwise: segment_id, from,
    to.
    """

    before: EarlierRun
    after: EarlierRun
    config: RunConfig
    customers: DataFrame
    moves: Sequence[Mapping[str, Any]]
    events: Sequence[Event]
    renamed: Sequence[Mapping[str, Any]]

    @property
    def flow(self) -> list[dict[str, Any]]:
        """The rows of `SEGMENT_FLOW`."""
        return segment_flow(self.moves)

    def write(self, output: Output) -> None:
        """Write segment_changes and segment_flow as Parquet, and changes.csv, into the folder of an output."""
        filesystem, folder = output.filesystem, output.folder
        filesystem.make_directory(folder)
        segment_changes(self.customers).write.parquet(f"{folder}/segment_changes")
        with TemporaryDirectory(prefix="table-") as local:
            flow = Path(local) / "part-00000.snappy.parquet"
            write_rows(self.flow, s.SEGMENT_FLOW, flow)
            filesystem.put(flow, f"{folder}/segment_flow/{flow.name}")
        write_changes(filesystem, change_rows(self.customers), folder)
        output.publish(self.customers.sparkSession, folder)


@contextmanager
def comparison_of(lake: Lake, run_id: str, other_id: str) -> Iterator[Comparison]:
    """Compare two runs of a lake, the earlier day with the later one, whichever is named first.

    The session is the caller's: its settings, cached tables and running jobs are left as they were.

    Raises ConfigError if they are of different lineages, InputError if there is no such run or another version
    published it.
    """
    spark = lake.spark
    with guest_of(spark):
        before, after = open_earlier(lake, run_id), open_earlier(lake, other_id)
        require_one_lineage(before, after)
        if before.as_of > after.as_of:
            before, after = after, before
        config = configuration_of(after.run)
        set_shuffle_partitions(spark, int(after.run.manifest["tables"]["customer_segments"]["bytes"]))
        kept, customers = persisted(compared_customers(before, after, config))
        try:
            moves = collected_movements(customers)
            found = events_between(before, after, customers)
            yield Comparison(before, after, config, customers, moves, found, renamed_between(before, after))
        finally:
            release(kept)


def require_one_lineage(run: EarlierRun, other: EarlierRun) -> None:
    """Raise ConfigError where the segments of two runs cannot be compared."""
    manifests = run.run.manifest, other.run.manifest
    if manifests[0]["lineage"] == manifests[1]["lineage"]:
        return
    runs = " and ".join(f"{each.run.run_id} ({each.run.manifest['title']!r})" for each in (run, other))
    differ_in = changed_settings(manifests[0], configuration_of(other.run)) or "their versions"
    raise ConfigError(f"runs {runs} cannot be compared: they differ in {differ_in}: name two runs of one configuration")


def compared_customers(before: EarlierRun, after: EarlierRun, config: RunConfig) -> DataFrame:
    """Return `changes.compared` of two runs, as the later one would say it."""
    today = after.customers.select(*OWN_COLUMNS)
    if not after.model.is_same_as(before.model):
        own = {name: f"own_{name}" for name in (s.SEGMENT_ID, s.SEGMENT_NAME)}
        kept = with_kept_segment(today.withColumnsRenamed(own), before.model, config.basis)
        today = kept.withColumnsRenamed({renamed: name for name, renamed in own.items()})
    first_day = after.run.manifest["first_day_of_window"]
    return compared(today, before.customers, after.as_of, first_day and date.fromisoformat(first_day))


def events_between(before: EarlierRun, after: EarlierRun, customers: DataFrame) -> list[Event]:
    """Return what became of the segments of a model. Runs an action where the later run has another model."""
    if after.model.is_same_as(before.model):
        return []
    clustered = ~F.col(s.SEGMENT_ID).isin(s.RETURNED_EVERYTHING_ID) & (
        F.col(KEPT_SEGMENT_ID) != s.RETURNED_EVERYTHING_ID
    )
    is_known = F.when(F.col(s.PREVIOUS_SEGMENT_ID).isNotNull(), True)
    ids = after.model.ids
    found = shared_customers(customers.where(clustered).withColumn(IS_KNOWN, is_known), s.SEGMENT_ID)
    shared = {(old, ids.index(new)): count for (old, new), count in found.items()}
    same = {position: segment_id for position, segment_id in enumerate(ids) if segment_id in before.model.ids}
    by_position = events(shared, same, before.model.ids, range(len(ids)))
    return [replace(event, after=tuple(ids[position] for position in event.after)) for event in by_position]


def renamed_between(before: EarlierRun, after: EarlierRun) -> list[dict[str, Any]]:
    """Return the segments that both models have by other names, as the manifest of a run lists them."""
    names, then = after.model.names, before.model.names
    return [
        {s.SEGMENT_ID: segment_id, "from": then[segment_id], "to": name}
        for segment_id, name in names.items()
        if then.get(segment_id, name) != name
    ]
