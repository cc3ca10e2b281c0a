"""The model of a run: what assigns customers to its segments, and what later runs need to know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from pyspark.ml import PipelineModel, Transformer
from pyspark.ml.clustering import KMeansModel
from pyspark.sql import DataFrame

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.clustering.drift import Training
from segmentation.clustering.kmeans import as_centres
from segmentation.clustering.levels import SegmentName
from segmentation.clustering.metrics import Centres
from segmentation.clustering.segments import naming_stage, with_distances
from segmentation.config.rfm import RfmRule
from segmentation.scoring.cuts import Cuts
from segmentation.scoring.reasons import described_customers
from segmentation.scoring.words import Words


@dataclass(frozen=True)
class Segment:
    """A segment of a model.

    `centre` has the clustered features, spend and orders, in original units. `jaccard` says how well the segment came
    back in resamples.
    """

    segment_id: int
    name: SegmentName
    centre: Mapping[str, float]
    jaccard: float | None


@dataclass(frozen=True)
class Refusal:
    """A new model that was not taken: its day, and the share of the customers without a new line that it would move."""

    as_of: date
    moved: float


@dataclass(frozen=True)
class SegmentModel:
    """What assigns customers to segments, and the cuts of their scores.

    `stages` lead from customer features to `cluster`, the position in `segments`, which ascend with spend as of the
    fit. No run before used `next_segment_id`. `fitted_in` is the run that fitted the model, as of `fitted_as_of`.
    `refused` is the last successor that would have moved too many customers.
    """

    stages: Sequence[Transformer]
    segments: Sequence[Segment]
    cuts: Cuts
    choice: Choice
    training: Training
    next_segment_id: int
    fitted_in: str
    fitted_as_of: date
    refused: Refusal | None = None

    def is_same_as(self, other: SegmentModel) -> bool:
        """Return whether two models come from one fit; the id of the run that fitted one may be used again later."""
        own, others = (
            (model.fitted_in, model.fitted_as_of, [segment.centre for segment in model.segments])
            for model in (self, other)
        )
        return own == others

    @property
    def ids(self) -> list[int]:
        """The segment_id of each position."""
        return [segment.segment_id for segment in self.segments]

    @property
    def names(self) -> dict[int, str]:
        """The name of each segment_id."""
        return {segment.segment_id: segment.name.name for segment in self.segments}

    @property
    def centres(self) -> Centres:
        """The centres in scaled space, by position."""
        [kmeans] = [stage for stage in self.stages if isinstance(stage, KMeansModel)]
        return as_centres(kmeans.clusterCenters())

    def named(self, names: Sequence[SegmentName]) -> SegmentModel:
        """Return the model with other names, by position."""
        segments = [replace(segment, name=name) for segment, name in zip(self.segments, names, strict=True)]
        return replace(self, segments=segments)

    def pipeline(self, figures: s.Figures) -> PipelineModel:
        """Return the pipeline from customer features to segment_id and segment_name, as it is saved."""
        names = [segment.name.name for segment in self.segments]
        return PipelineModel([*self.stages, naming_stage(self.ids, names, figures)])

    def assign(self, customers: DataFrame, figures: s.Figures) -> DataFrame:
        """Add to customer features what the stages add, the segment and the distances.

        Columns: segment_id int and segment_name string, as of `naming_stage`; distance_to_centre double,
        nearest_other_segment_id int and margin double, as of `with_distances`.
        """
        return with_distances(self.pipeline(figures).transform(customers), self.centres, self.ids)

    def score(self, customers: DataFrame, figures: s.Figures, rules: Sequence[RfmRule], currency: str) -> DataFrame:
        """Add to customer features what a run says of each customer: what `described_customers` and `assign` add.

        Columns: recency_score, frequency_score, monetary_score int; rfm_segment, reason string; those of `assign`.
        """
        return self.assign(described_customers(customers, rules, Words(self.cuts, figures, currency)), figures)

    def facts(self) -> dict[str, Any]:
        """Return what the manifest records of the model, but for `choice` and the cuts, which it has already."""
        return {
            "fitted_in": self.fitted_in,
            "fitted_as_of": self.fitted_as_of.isoformat(),
            "refused": self.refused and {"as_of": self.refused.as_of.isoformat(), "moved": self.refused.moved},
            "next_segment_id": self.next_segment_id,
            "segments": [asdict(segment) for segment in self.segments],
            "training": asdict(self.training),
        }


def model_from(pipeline: PipelineModel, facts: Mapping[str, Any], cuts: Cuts, choice: Choice) -> SegmentModel:
    """Return the model of a saved pipeline and of its facts. Raises KeyError, TypeError or ValueError if they differ.

    The last stage of the pipeline names the segments.
    """
    segments = [
        Segment(**{**of_segment, "name": SegmentName(**of_segment["name"])}) for of_segment in facts["segments"]
    ]
    return SegmentModel(
        pipeline.stages[:-1],
        segments,
        cuts,
        choice,
        Training(**facts["training"]),
        int(facts["next_segment_id"]),
        str(facts["fitted_in"]),
        date.fromisoformat(facts["fitted_as_of"]),
        _refusal(facts.get("refused")),
    )


def _refusal(facts: Mapping[str, Any] | None) -> Refusal | None:
    return Refusal(date.fromisoformat(facts["as_of"]), float(facts["moved"])) if facts else None
