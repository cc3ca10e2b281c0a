"""Published runs of nothing but a manifest, and what a lake shows of itself."""

import json
from pathlib import Path

from segmentation.lake.runs import Lake
from segmentation.lake.staging import StagedRun, stage


def publish(lake: Lake, run_id: str, as_of: str = "2011-12-10", identity: str = "abc") -> str:
    """Stage and publish a run, and return its id."""
    return publish_staged(stage(lake, run_id), as_of, identity)


def publish_staged(
    staged: StagedRun, as_of: str = "2011-12-10", identity: str = "abc", number_from: str | None = None
) -> str:
    return staged.publish({"identity": identity, "as_of": as_of}, number_from)


def folder_of(lake: Lake) -> Path:
    return Path(lake.path.removeprefix("file:"))


def latest(lake: Lake) -> str:
    """Return the run that latest.json names, as any reader finds it."""
    return str(json.loads((folder_of(lake) / "latest.json").read_text())["run_id"])


def staged_names(lake: Lake) -> list[str]:
    return sorted(path.name for path in (folder_of(lake) / "_staging").iterdir())
