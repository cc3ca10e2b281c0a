"""The successor of a model: which segments of the run before its segments are, on the customers of today."""

from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.changes import KEPT_SEGMENT_ID
from segmentation.clustering.identity import Event, events, same_segments
from segmentation.clustering.scaling import to_cluster
from segmentation.clustering.segment_model import Segment, SegmentModel
from segmentation.clustering.segments import CLUSTER
from segmentation.lake.lineage import EarlierRun

IS_KNOWN = "is_known"


def successor_of(
    fitted: SegmentModel, predecessor: EarlierRun, customers: DataFrame, figures: s.Figures, next_segment_id: int
) -> tuple[SegmentModel, list[Event]]:
    """Return a new model, its segments with the ids of those that they go on from, and what became of the others.

    `customers` are those of today. No run of an earlier day used an id from `next_segment_id` on. Runs the action that
    compares both models.
    """
    before = predecessor.model
    both = to_cluster(fitted.assign(with_kept_segment(customers, before, figures), figures), figures)
    known = predecessor.customers.select(s.CUSTOMER_ID, F.lit(True).alias(IS_KNOWN))
    shared = shared_customers(both.join(known, s.CUSTOMER_ID, "left"), CLUSTER)
    same = same_segments(shared)
    new_id, segments = max(next_segment_id, before.next_segment_id), list[Segment]()
    for position, segment in enumerate(fitted.segments):
        segment_id = same.get(position)
        if segment_id is None:
            segment_id, new_id = new_id, new_id + 1
        segments.append(replace(segment, segment_id=segment_id))
    model = replace(fitted, segments=segments, next_segment_id=new_id)
    found = events(shared, same, before.ids, range(len(segments)))
    return model, [replace(event, after=tuple(model.ids[position] for position in event.after)) for event in found]


def shared_customers(both: DataFrame, segment: str) -> dict[tuple[int, int], int]:
    """Return the customers by kept_segment_id and `segment`, a column. Runs an action of one row per pair.

    New customers make no segment another one: those count whose `is_known` is not NULL, if there are any.
    """
    pairs = both.groupBy(KEPT_SEGMENT_ID, segment)
    rows = pairs.agg(F.count(IS_KNOWN).alias("known"), F.count(F.lit(1)).alias("all")).collect()
    counted_in = "known" if any(row["known"] for row in rows) else "all"
    return {(row[KEPT_SEGMENT_ID], row[segment]): row[counted_in] for row in rows if row[counted_in]}


def with_kept_segment(customers: DataFrame, model: SegmentModel, figures: s.Figures) -> DataFrame:
    """Add kept_segment_id int: the segment that a model gives the customers."""
    assigned = model.pipeline(figures).transform(customers)
    return assigned.select(*customers.columns, F.col(s.SEGMENT_ID).alias(KEPT_SEGMENT_ID))
