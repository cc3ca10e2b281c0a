"""Old runs and abandoned stagings: which of them a lake may lose, and losing them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from segmentation.errors import InputError
from segmentation.lake import Lake, place_of
from segmentation.publishing import REFUSED, STAGING, aside

# Where nobody can tell whether a process still works on a staging: no run goes on so long without writing a file.
LONGEST_SILENCE = timedelta(days=1)


@dataclass(frozen=True)
class Expired:
    """What may go: its path below the lake, what it is, and how long it has been there."""

    path: str
    what: str
    age: timedelta


def expired(lake: Lake, keep: int, older_than: timedelta, now: datetime) -> list[Expired]:
    """What is older than asked: published runs but the newest `keep` and the latest, and what was left in staging.

    InputError where there is no such lake.
    """
    if not lake.storage.is_directory(lake.path):
        raise InputError(f"{lake.shown}: there is no such lake")
    return [one for one in (*_old_runs(lake, keep, now), *_left_behind(lake, now)) if one.age > older_than]


def remove(lake: Lake, one: Expired) -> str | None:
    """Takes a run or a staging out of the lake: first its name, in one step, then its files, while others go on.

    None, or why nothing happened: it is gone, somebody works on it, or latest.json names it by now. Ended in between,
    the rest goes with the next run, as any abandoned staging does.
    """
    path, storage = f"{lake.path}/{one.path}", lake.storage
    place = aside(lake, "expired")
    storage.make_directory(f"{lake.path}/{STAGING}")
    claim = None
    try:
        with storage.exclusive():
            claim = storage.claim(path)
            if reason := _why_it_stays(lake, one, is_free=claim is None or claim.is_held):
                return reason
            storage.rename(path, place)
        storage.delete(place)  # which is claimed under its new name as well
    finally:
        if claim:
            claim.release()
    return None


def _why_it_stays(lake: Lake, one: Expired, is_free: bool) -> str | None:
    if not lake.storage.exists(f"{lake.path}/{one.path}"):
        return "gone meanwhile"
    if not is_free:
        return "somebody works on it"
    with suppress(InputError):
        if one.path == place_of(lake.latest_run_id()):
            return "the latest run by now"
    return None


def _old_runs(lake: Lake, keep: int, now: datetime) -> Iterator[Expired]:
    runs = lake.runs()
    kept = {run.run_id for run in runs[: max(keep, 1)]}
    with suppress(InputError):  # latest.json is gone; the newest is kept all the same
        kept.add(lake.latest_run_id())
    for run in runs:
        if run.run_id not in kept:
            yield Expired(place_of(run.run_id), f"a run as of {run.as_of}", now - run.published_at)


def _left_behind(lake: Lake, now: datetime) -> Iterator[Expired]:
    staged = [f"{STAGING}/{name}" for name in lake.storage.names_in(f"{lake.path}/{STAGING}")]
    # Where a run appears by one rename, a folder without a manifest is somebody else's.
    copied = [] if lake.storage.renames_whole else lake.unfinished_run_ids()
    half_published = [place_of(run_id) for run_id in copied]
    for path in (*staged, *half_published):
        with suppress(OSError):  # it went meanwhile
            written = datetime.fromtimestamp(lake.storage.modified_ms(f"{lake.path}/{path}") / 1000, UTC)
            if now - written > LONGEST_SILENCE and not _is_worked_on(lake, path):
                yield Expired(path, "refused" if path.endswith(REFUSED) else "abandoned", now - written)


def _is_worked_on(lake: Lake, path: str) -> bool:
    """Whether a process that lives says so; it can where folders can be claimed."""
    claim = lake.storage.claim(f"{lake.path}/{path}")
    if claim is None:
        return False
    is_free = claim.is_held
    claim.release()
    return not is_free
