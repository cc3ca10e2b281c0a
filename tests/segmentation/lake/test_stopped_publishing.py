"""A stop signal ends a run that is not published yet, and leaves one that is: it ends with 0 and its summary."""

import os
import signal
from collections.abc import Callable, Iterator
from threading import Timer
from typing import Any

import pytest
from pyspark.sql import SparkSession

from segmentation.cli import job
from segmentation.cli.job import run_job
from segmentation.lake.runs import Lake
from segmentation.lake.staging import stage
from segmentation.stopping import STOP_SIGNALS, StopHandler, held_back
from tests.segmentation.lake.bare_runs import latest, publish, publish_staged, staged_names


@pytest.fixture(autouse=True)
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin with the handlers of a fresh process, without a terminal, and restore those of the tests."""
    monkeypatch.setattr(job, "terminal", lambda: None)
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number in STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def stopped_by(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize("step", ["before rename", "after rename", "before latest.json", "after latest.json"])
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_run_that_is_being_published_is_finished(step: str, number: int, lake: Lake, at_step: Callable[..., None]):
    publish(lake, "yesterday", "2011-12-09")
    at_step(step, stopped_by(number))
    ended: list[object] = []

    def work(_: object) -> None:
        staged = stage(lake, "today")
        publish_staged(staged)
        stopped_by(number)()  # the run stands: nothing is left to stop
        staged.discard()
        ended.append("with its summary")

    assert run_job(work, quiet=False, debug=False, ended=lambda *args: ended.append(args)) == 0
    stopped_by(number)()  # nor while the process ends
    assert ended == ["with its summary", (0, None)]
    assert latest(lake) == "today"
    assert staged_names(lake) == []


def test_a_run_that_loses_the_race_is_stopped(lake: Lake, at_step: Callable[..., None]):
    first, second = stage(lake, "a"), stage(lake, "a")
    publish_staged(first)
    for number in (signal.SIGTERM, signal.SIGINT):
        at_step("before rename", stopped_by(number))
    assert run_job(lambda _: publish_staged(second), quiet=True, debug=False) == 143, "the first one counts"


def test_a_run_that_waits_for_another_to_publish_can_be_stopped(lake: Lake):
    staged = stage(lake, "a")

    def work(_: object) -> None:
        with lake.filesystem.exclusive():  # as another process does; a second lock of this one waits as well
            Timer(0.2, stopped_by(signal.SIGTERM)).start()
            publish_staged(staged)

    assert run_job(work, quiet=True, debug=False) == 143
    assert lake.run_ids() == []


def test_in_a_notebook_the_run_is_finished_before_the_signal_is_handled(lake: Lake, at_step: Callable[..., None]):
    at_step("after rename", stopped_by(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        publish(lake, "a")
    assert latest(lake) == "a"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_java_outlives_a_signal_once_the_run_stands_and_only_in_a_job(spark: SparkSession):
    jvm = spark._jvm
    term = jvm.sun.misc.Signal("TERM")

    def handler() -> Any:
        """Return Java's handler of SIGTERM, by replacing it twice."""
        found = jvm.sun.misc.Signal.handle(term, jvm.sun.misc.SignalHandler.SIG_DFL)
        jvm.sun.misc.Signal.handle(term, found)
        return found

    before = handler()
    with held_back(spark) as commit:
        assert handler().toString() != before.toString()
        commit()
    assert handler().toString() == before.toString(), "of a notebook: Java is not the job's"
    stop = StopHandler()
    stop.install()
    try:
        with held_back(spark) as commit:
            commit()
        assert handler().toString() != before.toString()
        os.kill(jvm.java.lang.ProcessHandle.current().pid(), signal.SIGTERM)
        jvm.java.lang.Thread.sleep(300)
        assert jvm.java.lang.System.nanoTime() > 0, "it would end by now"
    finally:
        jvm.sun.misc.Signal.handle(term, before)
