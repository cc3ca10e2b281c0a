"""Which published runs a run builds upon: the run before it in its lineage, and the one whose model it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import DataFrame

from segmentation.clustering.choose_k import Choice
from segmentation.clustering.segment_model import SegmentModel, model_from
from segmentation.config.files import config_of
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError, InputError
from segmentation.lake.manifest import BuildsUpon, Identity
from segmentation.lake.runs import Lake, PublishedRun, RunEntry, open_run
from segmentation.scoring.cuts import Cuts


@dataclass(frozen=True)
class Lineage:
    """The published runs of one lineage, newest first, as of the moment when they were listed.

    `requested` is the run whose model was asked for, `refits` says that none is taken.
    """

    runs: Sequence[RunEntry]
    requested: str | None = None
    refits: bool = False

    def before(self, as_of: date) -> BuildsUpon:
        """Return what a run of this day builds upon: the newest run of an earlier day, and a model."""
        predecessor = next((run.run_id for run in self.runs if run.as_of < as_of), None)
        return BuildsUpon(predecessor, self.requested or (None if self.refits else predecessor))

    def published(self, identity: Identity) -> Identity | None:
        """Return the identity of the run of this request that is published and would be the same again, or None."""
        for run in self.runs:
            again = identity.building_upon(self.before(run.as_of))
            if run.request == identity.request and run.identity == again.run:
                return again
        return None


def lineage_in(lake: Lake, lineage: str, requested: str | None, refits: bool) -> Lineage:
    """List the runs of a lineage. Raises ConfigError if the requested model is not of one of them."""
    runs = lake.runs()
    own = [run for run in runs if run.lineage == lineage]
    if requested is not None and requested not in {run.run_id for run in own}:
        if requested in {run.run_id for run in runs}:
            raise ConfigError(
                f"--model {requested}: that run has another title, or other rules of cleaning, features, clustering or "
                "scores, so that its model does not fit: name a run of this configuration"
            )
        raise ConfigError(f"--model {requested}: there is no such run in the lake {lake.shown}")
    return Lineage(own, requested, refits)


@dataclass(frozen=True)
class EarlierRun:
    """A published run that another builds upon."""

    run: PublishedRun
    model: SegmentModel
    k_sweep: Sequence[dict[str, Any]]

    @property
    def as_of(self) -> date:
        return date.fromisoformat(self.run.manifest["as_of"])

    @property
    def reconciliation(self) -> Mapping[str, Any]:
        """What its audit recorded of its lines, customers and their money."""
        found: Mapping[str, Any] = self.run.manifest["reconciliation"]
        return found

    @property
    def customers(self) -> DataFrame:
        """Its table customer_segments."""
        return self.run.table("customer_segments")


def open_earlier(lake: Lake, run_id: str) -> EarlierRun:
    """Open a run with its model. Runs the small actions that load the model and k_sweep.

    Raises InputError if the run is gone or its manifest does not describe its model.
    """
    run = open_run(lake.spark, lake.path, run_id)
    sweep = [row.asDict() for row in run.table("k_sweep").collect()]  # one row per k
    return EarlierRun(run, model_of(run), sweep)


def configuration_of(run: PublishedRun) -> RunConfig:
    """Return the configuration of a run. Raises InputError if this version does not know one of its keys or values."""
    document = run.manifest.get("configuration")
    try:
        return config_of(document if isinstance(document, dict) else {}, (), "its configuration")
    except ConfigError as error:
        raise InputError(f"run {run.run_id}, of another version: {error}: segment again") from None


def model_of(run: PublishedRun) -> SegmentModel:
    """Load the model of a run. Raises InputError if it is gone, or the manifest does not describe it."""
    manifest = run.manifest
    try:
        facts, cuts, choice = manifest["model"], Cuts.of(manifest["rfm_cuts"]), Choice(**manifest["choice"])
        return model_from(run.model(), facts, cuts, choice)
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"run {run.run_id}: its manifest does not describe its model, as of versions before 0.2: segment again"
        ) from None
