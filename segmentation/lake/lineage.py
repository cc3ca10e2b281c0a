"""Which published runs a run builds upon: the run before it in its lineage, and the one whose model it takes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import DataFrame

from segmentation.clustering.choose_k import Choice
from segmentation.clustering.segment_model import SegmentModel, model_from
from segmentation.config.files import config_of
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError, InputError
from segmentation.filesystem import readable_path
from segmentation.lake.manifest import BuildsUpon, Identity, is_run_id, lineage_of
from segmentation.lake.runs import Lake, PublishedRun, RunEntry, open_run
from segmentation.scoring.cuts import Cuts

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lineage:
    """The published runs of one lineage, newest first, as of the moment when they were listed.

    `requested` is the run whose model was asked for, `refits` says that none is taken.
    """

    runs: Sequence[RunEntry]
    requested: str | None = None
    refits: bool = False

    def next_segment_id(self, as_of: date) -> int:
        """Return the first id that no run of an earlier day gave a segment."""
        return max((run.next_segment_id for run in self.runs if run.as_of < as_of), default=1)

    def before(self, as_of: date) -> BuildsUpon:
        """Return what a run of this day builds upon: the newest run of an earlier day, and a model."""
        return self._upon(next((run.run_id for run in self.runs if run.as_of < as_of), None))

    def published(self, identity: Identity) -> RunEntry | None:
        """Return the published run of this request that would be the same again, if there is one.

        A run whose predecessor has expired stays what it is: it was built upon that one.
        """
        listed = {run.run_id for run in self.runs}
        for run in self.runs:
            is_expired = run.predecessor is not None and run.predecessor not in listed
            again = identity.building_upon(self._upon(run.predecessor) if is_expired else self.before(run.as_of))
            if run.request == identity.request and run.identity == again.run:
                return run
        return None

    def _upon(self, predecessor: str | None) -> BuildsUpon:
        return BuildsUpon(predecessor, self.requested or (None if self.refits else predecessor))


def lineage_in(lake: Lake, config: RunConfig, requested: str | None) -> Lineage:
    """List the runs of the lineage of a configuration; warn where it begins although runs of its title are there."""
    lineage, runs = lineage_of(config), lake.runs()
    own = [run for run in runs if run.lineage == lineage]
    for run in own:
        if not run.is_readable:
            logger.warning("run %s is left out: a newer version, or another program, published it", run.run_id)
    readable = [run for run in own if run.is_readable]
    of_title = next((run for run in runs if run.title == config.title and run.is_readable), None)
    if not readable and of_title is not None:
        changed = changed_settings(lake.manifest(of_title.run_id), config)
        remedy = "To go on from it set these as they were; else give this configuration a title of its own"
        logger.warning(
            "this run begins anew: its model and segments cannot be compared with those of run %s, which has the same "
            "title but %s",
            of_title.run_id,
            f"other settings ({changed}). {remedy}" if changed else "is of another version",
        )
    return Lineage(readable, requested, config.model.refit == "always")


def require_model(lineage: Lineage, lake: Lake, config: RunConfig) -> None:
    """Raise ConfigError if the requested model is not of a run of the lineage."""
    requested = lineage.requested
    if requested is None or requested in {run.run_id for run in lineage.runs}:
        return
    if not is_run_id(requested) or not lake.is_published(requested):
        raise ConfigError(f"--model {requested}: there is no such run in the lake {lake.shown}")
    try:
        changed = changed_settings(lake.manifest(requested), config)
    except InputError as error:
        raise ConfigError(f"--model {requested}: {error}") from None
    of_run = f"has other settings ({changed})" if changed else "is of another version"
    raise ConfigError(
        f"--model {requested}: that run {of_run}, so that its model does not fit: name a run of this configuration"
    )


def changed_settings(manifest: Mapping[str, Any], config: RunConfig) -> str:
    """Return the keys by which a run is of another lineage, with commas; none if its keys are not all known."""
    try:
        before = config_of(manifest.get("configuration") or {}, (), "its configuration")
    except ConfigError:
        return ""
    then, now = (dict(_flat(each.settings_of_models())) for each in (before, config))
    return ", ".join(sorted(key for key in {*then, *now} if then.get(key) != now.get(key)))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the settings of all sections by their full keys."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


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
        version = manifest.get("code_version")
        raise InputError(
            f"run {run.run_id}: its manifest does not describe its model; version {version} published it: remove "
            f"{readable_path(run.path)}, or go back to that version"
        ) from None
