"""Expiry: find and remove old runs, and what abandoned and refused runs left in staging."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from segmentation.errors import InputError
from segmentation.filesystem import readable_path, temporary_name
from segmentation.lake.runs import REFUSED, STAGING, Lake, run_folder

# Where no process can see whether another still works on a run: a run writes a file more often than this.
LONGEST_SILENCE = timedelta(days=1)
NOT_ALLOWED = "this user may not remove or write"


@dataclass(frozen=True)
class Expired:
    """Something to remove: its path relative to the lake, what it is, and its age."""

    path: str
    what: str
    age: timedelta


def find_expired(lake: Lake, keep: int, older_than: timedelta, now: datetime) -> list[Expired]:
    """Return what is older than `older_than`: published runs except the newest `keep` and the latest, and leftovers.

    Raises InputError if there is no such lake.
    """
    if not lake.filesystem.is_directory(lake.path):
        raise InputError(f"{lake.shown}: there is no such lake")
    return [item for item in (*_old_runs(lake, keep, now), *_leftovers(lake, now)) if item.age > older_than]


def remove_expired(lake: Lake, item: Expired) -> str | None:
    """Remove a run or a leftover; return None, or the reason why it stays.

    It is renamed into staging in one step, under the lake's lock; its files go afterwards, while others may publish. If
    this process ends in between, the next run removes the rest as it does any abandoned staging. What this user may not
    remove whole, such as another user's rejected lines, is left as it is.
    """
    filesystem, path, staging = lake.filesystem, f"{lake.path}/{item.path}", f"{lake.path}/{STAGING}"
    removed = f"{staging}/{temporary_name('expired')}"
    if not filesystem.exists(staging) and not filesystem.may_write(lake.path):
        return f"{NOT_ALLOWED} {lake.shown}"
    filesystem.make_directory(staging)
    with ExitStack() as claimed:
        with filesystem.exclusive():
            claim = filesystem.claim(path)
            claimed.callback(claim.release)
            if not filesystem.exists(path):
                return "gone meanwhile"
            if not claim.is_held:
                return "another process works on it"
            if item.path == _latest_path(lake):
                return "it is the latest run by now"
            refused = filesystem.not_removable(path) or (None if filesystem.may_write(staging) else staging)
            if refused:
                return f"{NOT_ALLOWED} {readable_path(refused)}"
            filesystem.rename(path, removed)
        filesystem.delete(removed)  # the claim is on the folder, whatever its name
    return None


def _old_runs(lake: Lake, keep: int, now: datetime) -> Iterator[Expired]:
    runs = lake.runs()
    protected = {run_folder(run.run_id) for run in runs[: max(keep, 1)]} | {_latest_path(lake)}
    for run in runs:
        if run_folder(run.run_id) not in protected:
            yield Expired(run_folder(run.run_id), f"a run as of {run.as_of}", now - run.published_at)


def _latest_path(lake: Lake) -> str | None:
    with suppress(InputError):  # latest.json is gone
        return run_folder(lake.latest().run_id)
    return None


def _leftovers(lake: Lake, now: datetime) -> Iterator[Expired]:
    paths = [f"{STAGING}/{name}" for name in lake.filesystem.names_in(f"{lake.path}/{STAGING}")]
    if not lake.filesystem.renames_folders:
        # Publications that broke off. Where a run appears by one rename, a folder without a manifest is not ours.
        paths += [run_folder(run_id) for run_id in lake.unfinished_run_ids()]
    for path in paths:
        with suppress(OSError):  # it went meanwhile
            written = datetime.fromtimestamp(lake.filesystem.modified_ms(f"{lake.path}/{path}") / 1000, UTC)
            if now - written > LONGEST_SILENCE and not _is_in_use(lake, path):
                yield Expired(path, "refused" if path.endswith(REFUSED) else "abandoned", now - written)


def _is_in_use(lake: Lake, path: str) -> bool:
    claim = lake.filesystem.claim(f"{lake.path}/{path}")
    is_free = claim.is_held
    claim.release()
    return not is_free
