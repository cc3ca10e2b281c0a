"""What a run is asked for, what its steps share, and what it returns."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.settings import RunConfig
from segmentation.errors import SegmentationError
from segmentation.ingest.files import InputFile
from segmentation.lake.lineage import Lineage
from segmentation.lake.manifest import Identity
from segmentation.lake.runs import Lake, open_run
from segmentation.lake.staging import StagedRun
from segmentation.progress import Progress
from segmentation.session import persisted, release

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What a run is asked for: input paths, the lake, and the options of the command line.

    `model` is the run whose model is to score the customers; `rename` gives every segment the name of a fresh look.
    """

    inputs: Sequence[str]
    lake: str
    as_of: date | None = None
    run_id: str | None = None
    force: bool = False
    command: str = ""
    model: str | None = None
    rename: bool = False


@dataclass(frozen=True)
class Published:
    """A published run.

    `run_id` and `path` say where it is; `already_published` that this very run was there before, and then the rest is
    read from the lake. `choice` says how k was chosen and what the segments are worth; `quality` has the rows of
    data_quality, `segments` those of segment_profiles, `warnings` what the run warned of. `verdict` is natural,
    reproducible or constructed, None where all customers are alike. `rfm_profiles` has the rows of that table.
    `model`, `predecessor` and `changes` are entries of the manifest: which model segments the customers and why, the
    run before, and who moved since (`changes.counts`); None where there is no run before.
    """

    run_id: str
    path: str
    already_published: bool
    choice: str = ""
    quality: Sequence[Mapping[str, Any]] = ()
    segments: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()
    verdict: str | None = None
    rfm_profiles: Sequence[Mapping[str, Any]] = ()
    model: Mapping[str, Any] | None = None
    predecessor: str | None = None
    changes: Mapping[str, Any] | None = None


def published_before(lake: Lake, run_id: str) -> Published:
    """Return a run of the lake, with what its manifest and its small tables say of it."""
    path = lake.run_path(run_id)
    try:
        run = open_run(lake.spark, lake.path, run_id)
        rules, profiles, names = (
            [row.asDict() for row in run.table(table).collect()]  # a row per rule, segment, or name of customers
            for table in ("data_quality", "segment_profiles", "rfm_profiles")
        )
    except SegmentationError as error:  # this very run needs nothing of them
        logger.warning("%s", error)
        return Published(run_id, path, already_published=True)
    choice = Choice(**run.manifest["choice"])
    segments = sorted(profiles, key=lambda profile: profile[s.SEGMENT_ID])
    warnings = run.manifest.get("warnings", ())
    return Published(
        run_id,
        path,
        already_published=True,
        choice=choice.summary,
        quality=rules,
        segments=segments,
        warnings=warnings,
        verdict=choice.verdict,
        rfm_profiles=names,
        **{entry: run.manifest.get(entry) for entry in ("model", "predecessor", "changes")},
    )


@dataclass(frozen=True)
class InputContext:
    """What the steps from input files to customers share, in a run and where a published model scores."""

    spark: SparkSession
    config: RunConfig
    request: Request
    progress: Progress
    files: Sequence[InputFile]
    cached: list[DataFrame] = field(default_factory=list, kw_only=True)

    def cache(self, frame: DataFrame) -> DataFrame:
        """Persist a frame until `release_cache`."""
        kept, rows = persisted(frame)
        self.cached.append(kept)
        return rows

    def release_cache(self) -> None:
        while self.cached:
            release(self.cached.pop())


@dataclass(frozen=True)
class RunContext(InputContext):
    """What the steps of one run share."""

    warnings: Sequence[str]
    identity: Identity
    staged: StagedRun
    lineage: Lineage = field(default_factory=lambda: Lineage(()))
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
