"""Background writes: waited for, failed, cancelled."""

from collections.abc import Iterator
from threading import Event, Timer

import pytest
from pyspark.sql import SparkSession

from segmentation.lake.writes import CONCURRENT_WRITES, Writes


@pytest.fixture
def writes() -> Iterator[Writes]:
    writes = Writes()
    yield writes
    writes.close()


def fail(path: str) -> None:
    raise OSError(f"no room for {path}")


def test_every_path_is_written_once_waited_for(writes: Writes):
    written: list[str] = []
    for number in range(10):
        writes.start(written.append, f"table {number}")
    writes.wait()
    assert sorted(written) == [f"table {number}" for number in range(10)]


def test_a_write_runs_in_the_background_and_another_can_be_waited_for(writes: Writes):
    may_end, written = Event(), Event()

    def write_slowly(_: str) -> None:
        assert may_end.wait(60)
        written.set()

    writes.start(write_slowly, "slow")
    writes.start(lambda _: None, "quick")
    writes.wait_for("quick")
    assert not written.is_set()
    may_end.set()
    writes.wait()
    assert written.is_set()


def test_a_write_inherits_the_local_properties_and_tags_of_its_starter(spark: SparkSession, writes: Writes):
    seen: list[tuple[str | None, set[str]]] = []
    context = spark.sparkContext
    context.setLocalProperty("run", "a")
    context.addJobTag("run-a")
    try:
        writes.start(lambda _: seen.append((context.getLocalProperty("run"), set(context.getJobTags()))), "table")
        writes.wait()
    finally:
        context.setLocalProperty("run", None)  # type: ignore[arg-type]
        context.clearJobTags()
    assert seen == [("a", {"run-a"})]


def test_a_failure_is_raised_where_it_is_waited_for_and_starts_no_more(writes: Writes):
    written: list[str] = []
    writes.start(fail, "first")
    for wait in (lambda: writes.wait_for("first"), writes.wait, lambda: writes.start(written.append, "second")):
        with pytest.raises(OSError, match="no room for first"):
            wait()
    assert written == []


def test_cancelling_ends_running_writes_and_starts_no_waiting_ones(writes: Writes):
    cancelled, started = Event(), []

    def write(path: str) -> None:
        started.append(path)
        assert cancelled.wait(60)

    for number in range(CONCURRENT_WRITES + 3):
        writes.start(write, f"table {number}")
    while len(started) < CONCURRENT_WRITES:
        cancelled.wait(0.01)
    assert not writes.cancel(cancelled.set)
    assert sorted(started) == [f"table {number}" for number in range(CONCURRENT_WRITES)]


def test_cancelling_after_success_still_cancels_what_else_runs(writes: Writes):
    cancelled = Event()
    writes.start(lambda _: None, "table")
    writes.wait()
    assert writes.cancel(cancelled.set)
    assert cancelled.is_set()


def test_cancelling_ends_a_read_beside_the_writes(writes: Writes):
    cancelled, attempts = Event(), []

    def cancel() -> None:  # the read starts another job after the first one that is cancelled
        attempts.append(1)
        if len(attempts) > 1:
            cancelled.set()

    reading = writes.start_reading(lambda: cancelled.wait(60))
    while not reading.running():
        cancelled.wait(0.01)
    assert writes.cancel(cancel)
    assert reading.result(60)


def test_closing_waits_for_the_running_writes_and_starts_no_waiting_ones(writes: Writes):
    may_end, started, written = Event(), [], []

    def write(path: str) -> None:
        started.append(path)
        assert may_end.wait(60)
        written.append(path)

    for number in range(CONCURRENT_WRITES + 3):
        writes.start(write, f"table {number}")
    while len(started) < CONCURRENT_WRITES:
        may_end.wait(0.01)
    Timer(0.1, may_end.set).start()
    writes.close()
    assert sorted(written) == sorted(started) == [f"table {number}" for number in range(CONCURRENT_WRITES)]


def test_tasks_of_a_failed_write_may_still_run(writes: Writes):
    writes.start(fail, "table")
    with pytest.raises(OSError, match="no room for table"):
        writes.wait()
    assert not writes.cancel(lambda: None)


def test_cancelling_gives_up_on_a_write_that_does_not_end(writes: Writes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("segmentation.lake.writes.SECONDS_BETWEEN_ATTEMPTS", 0.01)
    may_end, attempts = Event(), []
    writes.start(lambda _: None if may_end.wait(60) else pytest.fail("was never let go"), "deaf")
    assert not writes.cancel(lambda: attempts.append(1))
    assert len(attempts) > 1
    may_end.set()
