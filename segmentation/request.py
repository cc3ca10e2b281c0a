"""What is asked of a run beside its configuration, and under which id it is to be published."""

from dataclasses import dataclass
from datetime import date

from segmentation import publishing
from segmentation.errors import ConfigError
from segmentation.identity import Identity
from segmentation.lake import Lake


@dataclass(frozen=True)
class Request:
    """What is asked of a run beside its configuration; `command` is the line that asked it, for the report."""

    inputs: tuple[str, ...]
    output: str
    as_of: date | None = None
    run_id: str | None = None
    force: bool = False
    command: str = ""


def wanted_id(identity: Identity, request: Request) -> str:
    """The id asked for, or else the run's own."""
    return request.run_id or identity.default_run_id


def find_run_id(lake: Lake, identity: Identity, request: Request) -> tuple[str, bool]:
    """The id to publish under, and whether this very run is published under it already.

    ConfigError where something else is there under an id that was asked for.
    """
    run_id = wanted_id(identity, request)
    if request.force:
        return publishing.free_run_id(lake, run_id), False
    if not lake.is_published(run_id):
        if run_id in lake.unfinished_run_ids():
            raise ConfigError(
                f"--run-id {run_id}: {lake.run_path(run_id).removeprefix('file:')} is there without its manifest: "
                "another process is publishing it, or something else made that folder: remove it, or choose another id"
            )
        return run_id, False
    if lake.manifest(run_id).get("identity") != identity.run:
        raise ConfigError(
            f"--run-id {run_id}: is already published from other input, configuration or code: choose another, or "
            "--force to publish beside it under a new id"
        )
    return run_id, True
