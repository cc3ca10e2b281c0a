"""Writes that are under way beside other work: waited for, failed, stopped."""

from collections.abc import Iterator
from threading import Event

import pytest

from segmentation.lake.staging import AT_ONCE, Writes


@pytest.fixture
def writes() -> Iterator[Writes]:
    one = Writes()
    yield one
    one.end()


def test_all_is_written_once_it_is_waited_for(writes: Writes):
    written: list[str] = []
    for number in range(10):
        writes.begin(written.append, f"table {number}")
    writes.finish()
    assert sorted(written) == [f"table {number}" for number in range(10)]


def test_other_work_goes_on_while_something_is_written(writes: Writes):
    may_end, written = Event(), Event()

    def write(_: str) -> None:
        assert may_end.wait(60)
        written.set()

    writes.begin(write, "slow")
    assert not written.is_set()
    may_end.set()
    writes.wait_for("slow")
    assert written.is_set()


def test_one_table_can_be_waited_for_while_another_is_still_written(writes: Writes):
    may_end = Event()
    writes.begin(lambda _: None if may_end.wait(60) else pytest.fail("was never let go"), "slow")
    writes.begin(lambda _: None, "quick")
    writes.wait_for("quick")
    assert not may_end.is_set()
    may_end.set()
    writes.finish()


def fail(path: str) -> None:
    raise OSError(f"no room for {path}")


def test_a_failure_is_raised_where_it_is_waited_for(writes: Writes):
    writes.begin(fail, "one")
    with pytest.raises(OSError, match="no room for one"):
        writes.wait_for("one")
    with pytest.raises(OSError, match="no room for one"):
        writes.finish()


def test_nothing_more_is_begun_after_a_failure(writes: Writes):
    writes.begin(fail, "one")
    with pytest.raises(OSError, match="no room for one"):
        writes.wait_for("one")
    written: list[str] = []
    with pytest.raises(OSError, match="no room for one"):
        writes.begin(written.append, "two")
    assert written == []


def test_what_is_stopped_is_cancelled_until_it_rests_and_what_waits_is_never_begun(writes: Writes):
    cancelled, begun = Event(), []

    def write(path: str) -> None:
        begun.append(path)
        assert cancelled.wait(60)

    for number in range(AT_ONCE + 3):
        writes.begin(write, f"table {number}")
    while len(begun) < AT_ONCE:
        cancelled.wait(0.01)
    assert not writes.stop(cancelled.set)
    assert sorted(begun) == [f"table {number}" for number in range(AT_ONCE)]


def test_after_writes_that_went_well_no_task_is_left_but_what_else_runs_is_cancelled(writes: Writes):
    cancelled = Event()
    writes.begin(lambda _: None, "one")
    writes.finish()
    assert writes.stop(cancelled.set)
    assert cancelled.is_set()


def test_tasks_of_a_write_that_failed_may_be_left(writes: Writes):
    writes.begin(fail, "one")
    with pytest.raises(OSError, match="no room for one"):
        writes.finish()
    assert not writes.stop(lambda: None)


def test_a_write_that_does_not_heed_is_given_up(writes: Writes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("segmentation.lake.staging.SECONDS_BETWEEN_WRITES", 0.01)
    may_end, asked = Event(), []
    writes.begin(lambda _: pytest.fail("was never let go") if not may_end.wait(60) else None, "deaf")
    assert not writes.stop(lambda: asked.append(1))
    assert len(asked) > 1
    may_end.set()
