"""The crash test: it finds every fault of a lake and every broken publisher, and kills the real job at a step."""

import ast
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TypeVar

import pytest
from pyspark.sql import SparkSession

from scripts.crash.at_step import STEPS_LOGGER
from scripts.crash.checks import (
    Fault,
    Kind,
    Watcher,
    faults_of_run,
    leftovers,
    lost_pointer,
    pointer_of,
    run_ids,
    run_path,
)
from scripts.crash.job import FEWEST_FITS, ROOT, STEPS, Order, SegmentCustomers
from scripts.crash.processes import ProcessGroup, is_alive
from scripts.crash.report import report
from scripts.crash.rounds import RANDOM_MOMENT, CrashTest, Outcome, planned_kills
from segmentation.config.files import load_config
from segmentation.context import Request
from segmentation.lake import staging
from segmentation.pipeline import segment_customers
from tests.scripts.small_lake import write_latest, write_manifest, write_run

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SECONDS_TO_WAIT = 60
MONDAY, TUESDAY = "2011-06-06", "2011-06-07"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A whole lake: the runs `first`, of Monday, and `second`, of Tuesday, which is the latest."""
    lake = tmp_path / "lake"
    write_run(lake / "runs", "first", MONDAY)
    write_run(lake / "runs", "second", TUESDAY)
    write_latest(lake, "second", TUESDAY)
    (lake / "_staging").mkdir()
    return lake


def kinds(faults: Sequence[Fault] | None) -> set[Kind]:
    assert faults is not None
    return {fault.kind for fault in faults}


# --- faults of a lake ---


def test_a_whole_lake_has_no_fault(lake: Path):
    watcher = Watcher(lake)

    assert [watcher.look() for _ in range(3)] == [[], [], []]
    assert watcher.seen == {"first", "second"}
    assert leftovers(lake, {"first", "second"}) == []
    assert watcher.lost({"first", "second"}) == []
    assert lost_pointer(lake, "second") == []
    assert Watcher(lake.parent / "empty").look() is None


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def change_one_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (shorten, "customer_segments/part-0.parquet"),
        (change_one_byte, "charts/3.png"),
        (Path.unlink, "model/metadata.json"),
        (Path.unlink, "manifest.json"),
        (shorten, "manifest.json"),
        (lambda path: path.write_text("{}"), "manifest.json"),
        (lambda path: path.write_text("a second writer's"), "data_quality/part-1.parquet"),
    ],
)
def test_a_torn_run_is_a_fault_be_it_the_latest_or_not(lake: Path, damage: Callable[[Path], None], name: str):
    for run in ("first", "second"):
        damage(lake / "runs" / f"run_id={run}" / name)
        assert kinds(Watcher(lake).look()) == {Kind.TORN}


def test_every_run_is_read_when_it_appears_and_then_in_turn(lake: Path):
    watcher = Watcher(lake)
    assert watcher.look() == []

    for name in ("third", "fourth"):
        shorten(write_run(lake / "runs", name, MONDAY) / "charts/1.png")
    appeared = watcher.look()
    (lake / "runs/run_id=fourth/charts/2.png").unlink()
    in_turn = [fault.text for _ in range(3) for fault in watcher.look() or ()]

    assert [fault.text.partition("/")[0] for fault in appeared or ()] == ["run_id=fourth", "run_id=third"]
    assert [text for text in in_turn if text.startswith("run_id=fourth/charts/2.png: FileNotFoundError")]


def test_a_run_that_builds_upon_none_that_is_published_is_a_fault(lake: Path):
    path = lake / "runs/run_id=second/manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "predecessor": "first"}))
    assert Watcher(lake).look() == []
    path.write_text(json.dumps({**manifest, "predecessor": "third"}))
    assert kinds(Watcher(lake).look()) == {Kind.BASELESS}


def test_hidden_files_in_a_run_are_ignored(lake: Path):
    (lake / "runs/run_id=second/customer_segments/_SUCCESS").touch()
    (lake / "runs/run_id=second/customer_segments/.part-0.parquet.crc").touch()
    assert Watcher(lake).look() == []


def test_a_latest_json_before_its_run_is_torn(lake: Path):
    write_latest(lake, "third", "2011-06-08")
    assert kinds(Watcher(lake).look()) == {Kind.TORN}


@pytest.mark.parametrize("damage", [Path.unlink, shorten, lambda path: path.write_text("[]")])
def test_a_latest_json_that_vanishes_or_is_damaged_is_torn(lake: Path, damage: Callable[[Path], None]):
    watcher = Watcher(lake)
    assert watcher.look() == []

    damage(lake / "latest.json")

    assert kinds(watcher.look()) == {Kind.TORN}


def test_a_published_run_that_changed_is_a_fault_though_it_is_whole(lake: Path):
    watcher = Watcher(lake)
    assert [watcher.look(), watcher.look()] == [[], []]
    for name, day in (("first", MONDAY), ("second", TUESDAY)):
        run = lake / "runs" / f"run_id={name}"
        (run / "charts/1.png").write_text("another")
        write_manifest(run, name, day)
    assert kinds(watcher.look()) == {Kind.CHANGED}
    assert [fault.kind for fault in watcher.lost({"first", "second"})] == [Kind.CHANGED, Kind.CHANGED]
    assert kinds(Watcher(lake).look()) == set()


def test_a_latest_json_that_goes_back_a_day_is_a_fault_once(lake: Path):
    watcher = Watcher(lake)
    assert watcher.look() == []

    write_latest(lake, "first", MONDAY)

    assert kinds(watcher.look()) == {Kind.BACKWARDS}
    assert watcher.look() == []


def test_a_manifest_of_another_run_is_mixed(lake: Path):
    shutil.copytree(lake / "runs/run_id=first", lake / "runs/run_id=third")
    write_latest(lake, "third", TUESDAY)
    faults = Watcher(lake).look()
    assert kinds(faults) == {Kind.MIXED}
    assert [fault.text for fault in faults or ()] == [
        "run_id=third has the manifest of the run first",
        f"run_id=third is of {MONDAY}, latest.json says {TUESDAY}",
    ]


def test_a_table_of_another_day_is_mixed_though_its_checksum_matches(lake: Path):
    first, second = (lake / "runs" / f"run_id={name}" for name in ("first", "second"))
    shutil.copy(first / "customer_segments/part-0.parquet", second / "customer_segments")
    write_manifest(second, "second", TUESDAY)
    assert kinds(Watcher(lake).look()) == {Kind.MIXED}


def test_a_table_with_other_rows_than_its_manifest_is_mixed(lake: Path):
    run = lake / "runs/run_id=second"
    shutil.copy(run / "data_quality/part-0.parquet", run / "data_quality/part-1.parquet")
    write_manifest(run, "second", TUESDAY)
    assert kinds(Watcher(lake).look()) == {Kind.MIXED}


@pytest.mark.parametrize("name", ["_staging/second.4711", "latest.json.4711.tmp", "runs/.second", "runs/run_id=third"])
def test_anything_besides_published_runs_is_a_leftover(lake: Path, name: str):
    (lake / name).mkdir()
    assert leftovers(lake, {"first", "second"}) == [Fault(Kind.LEFTOVER, f"{name} is left over")]


def test_a_published_run_that_is_not_whole_is_lost(lake: Path):
    shutil.rmtree(lake / "runs/run_id=first")
    shorten(lake / "runs/run_id=second/charts/0.png")
    faults = Watcher(lake).lost({"first", "second"})
    assert [fault.kind for fault in faults] == [Kind.LOST, Kind.LOST]
    assert faults[0].text.startswith("the run first is lost: run_id=first: FileNotFoundError")


def test_a_newly_published_run_that_is_not_the_latest_is_lost(lake: Path):
    write_run(lake / "runs", "third", "2011-06-08")
    assert lost_pointer(lake, "third") == [Fault(Kind.LOST, "the run third is not the latest: that is second")]
    (lake / "latest.json").unlink()
    assert kinds(lost_pointer(lake, "second")) == {Kind.LOST}


# --- a crash test that misses a broken publisher proves nothing ---


class Publisher:
    """One of the small programs as a job; it has no named steps."""

    steps: Sequence[str] = ()

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._made = folder / "made"
        self.lake = folder / "lake"

    def command(self, order: Order, scratch: Path, step: str | None) -> list[str]:
        made = self._made / f"run_id={order.run_id}"
        if not made.exists():
            write_run(self._made, order.run_id, order.as_of)
        program = str(Path(__file__).parent / "small_publishers.py")
        return [sys.executable, program, self._name, str(self.lake), str(made)]

    def environment(self, scratch: Path) -> Mapping[str, str]:
        return os.environ


def crashed(publisher: str, folder: Path, kills: int = 4) -> Outcome:
    scratch = folder / "scratch"
    scratch.mkdir()
    job = Publisher(publisher, folder)
    outcome = CrashTest(job.lake, job, scratch, seed=5).run(kills, normal_runs=2)
    assert outcome.failure is None
    assert outcome.kills == {RANDOM_MOMENT: kills}
    assert list(scratch.iterdir()) == []
    return outcome


def test_a_correct_publisher_passes(tmp_path: Path):
    outcome = crashed("publish_well", tmp_path, kills=6)

    assert outcome.is_success
    assert {kind: outcome.count(kind) for kind in Kind} == dict.fromkeys(Kind, 0)
    assert outcome.reader.reads > 0
    assert len(outcome.normal) == 2
    assert outcome.redone


@pytest.mark.parametrize(
    ("publisher", "kind"),
    [
        ("overwrite_in_place", Kind.TORN),
        ("name_before_publishing", Kind.TORN),
        ("change_after_publishing", Kind.CHANGED),
    ],
)
def test_a_broken_publisher_is_caught(publisher: str, kind: Kind, tmp_path: Path):
    outcome = crashed(publisher, tmp_path)

    assert not outcome.is_success
    assert outcome.count(kind) > 0


def test_fewer_reads_than_kills_are_no_success():
    outcome = Outcome(kills=Counter({RANDOM_MOMENT: 3}))
    outcome.reader.reads = 2
    assert not outcome.is_success
    outcome.reader.reads = 3
    assert outcome.is_success


class FailingPublisher(Publisher):
    """Publishes two runs correctly; then it prints a line and ends with a code."""

    steps: Sequence[str] = ("audited",)

    def __init__(self, folder: Path, code: int) -> None:
        super().__init__("publish_well", folder)
        self._code = code

    def command(self, order: Order, scratch: Path, step: str | None) -> list[str]:
        if order.number <= 2:
            return super().command(order, scratch, step)
        return [sys.executable, "-c", f"print('gave up'); raise SystemExit({self._code})"]


@pytest.mark.parametrize("code", [0, 4])
def test_a_job_that_skips_a_step_or_fails_is_no_success(tmp_path: Path, code: int):
    job = FailingPublisher(tmp_path, code)
    seed = next(seed for seed in range(100) if planned_kills(2, job.steps, random.Random(seed))[0] == "audited")

    outcome = CrashTest(job.lake, job, tmp_path, seed).run(kills=2, normal_runs=1)

    assert outcome.failure == f"crash-0003 ended by itself with {code} before “audited”; its log ends:\ngave up"
    assert not outcome.is_success
    assert "Stopped early: crash-0003" in report(outcome, ("audited",))


# --- how it kills and what it reports ---


def test_the_steps_are_those_that_the_library_logs():
    logged = []
    for source in (SCRIPTS.parent / "segmentation").rglob("*.py"):
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "reached":
                logged.append(getattr(staging, ast.unparse(call.args[0]).rpartition(".")[2]))

    assert sorted(logged) == sorted(STEPS)
    assert staging.steps.name == STEPS_LOGGER


def test_half_of_the_kills_are_spread_evenly_over_the_steps():
    planned = planned_kills(200, STEPS, random.Random(1))
    shares = Counter(planned)
    assert shares.pop(RANDOM_MOMENT) == 100
    assert sorted(shares) == sorted(STEPS)
    assert set(shares.values()) == {16, 17}
    assert planned == planned_kills(200, STEPS, random.Random(1))
    assert planned != planned_kills(200, STEPS, random.Random(2))


def test_a_kill_leaves_no_process_of_the_group(tmp_path: Path):
    log = tmp_path / "log"
    with ProcessGroup(["sh", "-c", "sleep 60 & sleep 60 & echo $$; wait"], os.environ, tmp_path, log) as group:
        leader = int(soon(log.read_text))
        assert is_alive(leader)

        assert group.kill() == -signal.SIGKILL

        assert not is_alive(leader)


Result = TypeVar("Result")


def soon(look: Callable[[], Result]) -> Result:
    """Return what `look` returns as soon as that is something."""
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while not (result := look()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return result


def test_the_report_has_a_row_for_each_count():
    outcome = Outcome(kills=Counter({RANDOM_MOMENT: 2, "audited": 1}), normal=[8.0, 12.0], redone=[11.0])
    outcome.reader.reads, outcome.reader.seconds, outcome.reader.longest_pause = 1_200, 60.0, 0.081
    outcome.reader.faulty["torn"] = 3
    outcome.afterwards["x is left over"] = Fault(Kind.LEFTOVER, "x is left over")

    lines = report(outcome, ("audited", "before rename")).splitlines()

    assert lines[2:19] == [
        "| kills | 3 |  |",
        "| … at a random moment | 2 |  |",
        "| … at the step “audited” | 1 |  |",
        "| … at the step “before rename” | 0 |  |",
        "| reads, every checksum verified | 1,200 | ≥ 3 |",
        "| reads a second | 20.0 | ≥ 10 |",
        "| longest pause between two reads | 0.08 s |  |",
        "| torn reads | 3 | 0 |",
        "| mixed reads | 0 | 0 |",
        "| reads of a published run that was changed | 0 | 0 |",
        "| reads of a `latest.json` that went back | 0 | 0 |",
        "| runs lost | 0 | 0 |",
        "| reads of a run that builds upon none that is published | 0 | 0 |",
        "| leftovers after the next success | 1 | 0 |",
        "| normal run, no kill before it | 10.0 s (median of 2) |  |",
        "| recovery: the next run after kills | 11.0 s (median of 1) |  |",
        "| recovery ÷ normal | 1.10 | ≤ 1.1 |",
    ]
    assert lines[-1] == "- x is left over"


# --- the command ---


def crash_test(*arguments: object) -> list[str]:
    return [sys.executable, str(SCRIPTS / "crash"), *map(str, arguments)]


def test_a_lake_in_use_is_refused(lake: Path):
    done = subprocess.run(crash_test(lake, "--kills", 1), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{lake}: is not an empty folder; name a new one, never a lake in use" in done.stderr
    assert leftovers(lake, {"first", "second"}) == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="this system has no /proc")
def test_an_interrupt_leaves_no_process_and_no_scratch(tmp_path: Path):
    lake, scratch = tmp_path / "lake", tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch)}
    with subprocess.Popen(
        crash_test(lake),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - ignored in the background
    ) as running:
        soon(lambda: "segment_customers.py" in processes_that_name(lake))

        running.send_signal(signal.SIGINT)

        assert running.wait(SECONDS_TO_WAIT) == 130
    assert processes_that_name(lake) == set()
    assert list(scratch.iterdir()) == []


def processes_that_name(lake: Path) -> set[str]:
    """Return the Python files in the command lines of all processes that name the lake."""
    found: set[str] = set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ended meanwhile
            words = entry.read_bytes().decode(errors="replace").split("\0")
            if str(lake) in words:
                found |= {Path(word).name for word in words if word.endswith(".py")}
    return found


@pytest.mark.slow
def test_the_real_job_killed_after_the_rename_is_found_published_by_the_next(spark: SparkSession, tmp_path: Path):
    lake, scratch, order = tmp_path / "lake", tmp_path / "scratch", Order(1)
    scratch.mkdir()
    job = SegmentCustomers(lake, tmp_path, seed=1)
    command = job.command(order, scratch, "after rename")
    with ProcessGroup(command, job.environment(scratch), scratch, tmp_path / "log") as group:
        assert group.wait(10 * SECONDS_TO_WAIT) == -signal.SIGKILL, (tmp_path / "log").read_text()
    assert run_ids(lake) == {order.run_id}
    assert faults_of_run(run_path(lake, order.run_id), order.as_of) == []
    assert not (lake / "latest.json").exists()

    config = load_config(f"{ROOT}/conf/online_retail.yaml", FEWEST_FITS)
    request = Request((f"{tmp_path}/transactions.csv",), str(lake), date.fromisoformat(order.as_of), order.run_id)
    assert segment_customers(spark, config, request).already_published

    assert pointer_of(lake)["run_id"] == order.run_id
    assert Watcher(lake).look() == []
    assert leftovers(lake, {order.run_id}) == []
