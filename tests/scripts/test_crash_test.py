"""The crash test of the lake: what it holds against a lake, that it finds broken publishers, and one small real run."""

import ast
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

from segmentation.lake import staging
from tests.scripts.small_lake import write_latest, write_manifest, write_run

# The harness's modules find each other beside the script, not as a package.
sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))

from crash_at_step import STEPS_LOGGER
from crash_checks import Fault, Kind, Watcher, leftovers, lost, lost_pointer
from crash_job import STEPS, Order
from crash_processes import ProcessGroup, is_alive
from crash_report import report
from crash_rounds import MOST_KILLS_OF_A_ROUND, RANDOM_MOMENT, CrashTest, Outcome, planned_kills

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SECONDS_TO_WAIT = 60
MONDAY, TUESDAY = "2011-06-06", "2011-06-07"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake as it must be: the runs `first`, of Monday, and `second`, of Tuesday, which is the latest."""
    lake = tmp_path / "lake"
    write_run(lake / "runs", "first", MONDAY)
    write_run(lake / "runs", "second", TUESDAY)
    write_latest(lake, "second", TUESDAY)
    (lake / "_staging").mkdir()
    return lake


def kinds(faults: Sequence[Fault] | None) -> set[Kind]:
    assert faults is not None
    return {fault.kind for fault in faults}


# --- what is held against a lake ---


def test_nothing_is_held_against_a_lake_as_it_must_be(lake: Path):
    watcher = Watcher(lake)

    assert [watcher.look() for _ in range(3)] == [[], [], []]
    assert watcher.seen == {"first", "second"}
    assert leftovers(lake, {"first", "second"}) == []
    assert lost(lake, {"first", "second"}) == []
    assert lost_pointer(lake, "second") == []


def test_a_lake_in_which_nothing_is_published_yet_is_not_read(tmp_path: Path):
    assert Watcher(tmp_path / "lake").look() is None


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def change_one_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("run", ["first", "second"])
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
def test_a_torn_run_is_found_be_it_the_latest_or_not(lake: Path, run: str, damage: Callable[[Path], None], name: str):
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
    assert "run_id=fourth/charts/2.png: No such file or directory" in in_turn


def test_what_readers_skip_may_lie_in_a_run(lake: Path):
    (lake / "runs/run_id=second/customer_segments/_SUCCESS").touch()
    (lake / "runs/run_id=second/customer_segments/.part-0.parquet.crc").touch()
    assert Watcher(lake).look() == []


def test_a_pointer_before_its_data_is_torn(lake: Path):
    write_latest(lake, "third", "2011-06-08")
    assert kinds(Watcher(lake).look()) == {Kind.TORN}


@pytest.mark.parametrize("damage", [Path.unlink, shorten, lambda path: path.write_text("[]")])
def test_a_pointer_that_goes_away_or_cannot_be_read_is_torn(lake: Path, damage: Callable[[Path], None]):
    watcher = Watcher(lake)
    assert watcher.look() == []

    damage(lake / "latest.json")

    assert kinds(watcher.look()) == {Kind.TORN}


def test_a_published_run_that_became_another_is_found_though_it_is_whole(lake: Path):
    watcher = Watcher(lake)
    assert [watcher.look(), watcher.look()] == [[], []]
    for name, day in (("first", MONDAY), ("second", TUESDAY)):
        run = lake / "runs" / f"run_id={name}"
        (run / "charts/1.png").write_text("another")
        write_manifest(run, name, day)
    assert kinds(watcher.look()) == {Kind.CHANGED}
    assert kinds(Watcher(lake).look()) == set()


def test_a_change_that_no_look_came_to_is_found_at_the_end(lake: Path):
    watcher = Watcher(lake)
    assert watcher.look() == []
    assert watcher.changed() == []
    run = lake / "runs/run_id=first"
    (run / "charts/1.png").write_text("another")
    write_manifest(run, "first", MONDAY)
    assert kinds(watcher.changed()) == {Kind.CHANGED}


def test_a_pointer_that_goes_back_to_an_older_day_is_found_once(lake: Path):
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


def test_a_table_of_another_day_is_mixed_though_its_checksum_is_right(lake: Path):
    first, second = (lake / "runs" / f"run_id={name}" for name in ("first", "second"))
    shutil.copy(first / "customer_segments/part-0.parquet", second / "customer_segments")
    write_manifest(second, "second", TUESDAY)
    assert kinds(Watcher(lake).look()) == {Kind.MIXED}


def test_a_table_of_other_rows_than_its_manifest_says_is_mixed(lake: Path):
    run = lake / "runs/run_id=second"
    shutil.copy(run / "data_quality/part-0.parquet", run / "data_quality/part-1.parquet")
    write_manifest(run, "second", TUESDAY)
    assert kinds(Watcher(lake).look()) == {Kind.MIXED}


@pytest.mark.parametrize("name", ["_staging/second.4711", "latest.json.4711.tmp", "runs/.second", "runs/run_id=third"])
def test_what_is_in_the_lake_beside_published_runs_is_left_over(lake: Path, name: str):
    (lake / name).mkdir()
    assert leftovers(lake, {"first", "second"}) == [Fault(Kind.LEFTOVER, f"{name} is left over")]


def test_a_published_run_that_is_not_there_whole_is_lost(lake: Path):
    shutil.rmtree(lake / "runs/run_id=first")
    shorten(lake / "runs/run_id=second/charts/0.png")
    faults = lost(lake, {"first", "second"})
    assert [fault.kind for fault in faults] == [Kind.LOST, Kind.LOST]
    assert faults[0].text == "the run first is lost: run_id=first/manifest.json: No such file or directory"


def test_a_run_just_published_that_is_not_the_latest_is_lost(lake: Path):
    write_run(lake / "runs", "third", "2011-06-08")
    assert lost_pointer(lake, "third") == [Fault(Kind.LOST, "the run third is not the latest: that is second")]
    (lake / "latest.json").unlink()
    assert kinds(lost_pointer(lake, "second")) == {Kind.LOST}


# --- a harness that cannot find a broken publisher proves nothing ---


class Publisher:
    """One of the small programs, as a job of the harness; it goes through no named steps."""

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


def crashed(publisher: str, folder: Path, kills: int = 10) -> Outcome:
    scratch = folder / "scratch"
    scratch.mkdir()
    job = Publisher(publisher, folder)
    outcome = CrashTest(job.lake, job, scratch, seed=5, say=print).run(kills, normal_runs=2)
    assert outcome.failure is None
    assert outcome.kills == {RANDOM_MOMENT: kills}
    assert list(scratch.iterdir()) == []
    return outcome


def test_a_publisher_as_it_must_be_passes(tmp_path: Path):
    outcome = crashed("publish_well", tmp_path)

    assert outcome.is_as_wanted
    assert {kind: outcome.count(kind) for kind in Kind} == dict.fromkeys(Kind, 0)
    assert outcome.reader.reads > 0
    assert len(outcome.normal) == 2
    assert outcome.redone


@pytest.mark.parametrize(
    ("publisher", "kind"),
    [
        ("overwrite_in_place", Kind.TORN),
        ("name_before_it_is_there", Kind.TORN),
        ("change_what_is_published", Kind.CHANGED),
    ],
)
def test_a_broken_publisher_is_caught(publisher: str, kind: Kind, tmp_path: Path):
    outcome = crashed(publisher, tmp_path)

    assert not outcome.is_as_wanted
    assert outcome.count(kind) > 0


def test_without_a_read_for_each_kill_nothing_is_proved():
    outcome = Outcome(kills=Counter({RANDOM_MOMENT: 3}))
    outcome.reader.reads = 2
    assert not outcome.is_as_wanted
    outcome.reader.reads = 3
    assert outcome.is_as_wanted
    assert not Outcome().is_as_wanted


class Told(Publisher):
    """Told for each start how to go on: as it must be done at once, slowly, or never."""

    def __init__(self, folder: Path, starts: Sequence[str]) -> None:
        super().__init__("publish_well", folder)
        self._starts = iter(starts)

    def command(self, order: Order, scratch: Path, step: str | None) -> list[str]:
        command = super().command(order, scratch, step)
        before = {"well": "", "slowly": "sleep 3; ", "never": f"sleep {SECONDS_TO_WAIT}; "}[next(self._starts)]
        return ["sh", "-c", f"{before}{shlex.join(command)}"]


def test_a_run_that_was_done_before_its_moment_is_counted_apart_from_kills_that_hit(tmp_path: Path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    # The first run and the normal one; killed, done before its moment, in peace; killed, in peace.
    job = Told(tmp_path, ["well", "slowly", "never", "well", "well", "never", "well"])
    seed = next(seed for seed in range(1_000) if draws_two_kills_the_second_late(random.Random(seed)))

    outcome = CrashTest(job.lake, job, scratch, seed, say=print).run(kills=2, normal_runs=1)

    assert outcome.failure is None
    assert outcome.kills == {RANDOM_MOMENT: 2}
    assert outcome.outran == 1
    assert outcome.found_published == []
    assert len(outcome.redone) == 1


def draws_two_kills_the_second_late(draw: random.Random) -> bool:
    planned_kills(2, (), draw)
    return draw.randint(1, MOST_KILLS_OF_A_ROUND) > 1 and draw.random() < 0.2 and draw.random() > 0.95


class GoneWrong(Publisher):
    """Publishes two runs as it must be done; then it says what it is told to and ends with a code."""

    steps: Sequence[str] = ("audited",)

    def __init__(self, folder: Path, code: int) -> None:
        super().__init__("publish_well", folder)
        self._code = code

    def command(self, order: Order, scratch: Path, step: str | None) -> list[str]:
        if order.number <= 2:
            return super().command(order, scratch, step)
        return [sys.executable, "-c", f"print('as told'); raise SystemExit({self._code})"]


@pytest.mark.parametrize(
    ("code", "failure"),
    [(0, "crash-0003 ended without the step 'audited'"), (4, "crash-0003 ended by itself with 4")],
)
def test_a_job_that_leaves_out_a_step_or_fails_is_no_success(tmp_path: Path, code: int, failure: str):
    job = GoneWrong(tmp_path, code)
    seed = next(seed for seed in range(100) if planned_kills(2, job.steps, random.Random(seed))[0] == "audited")

    outcome = CrashTest(job.lake, job, tmp_path, seed, say=print).run(kills=2, normal_runs=1)

    assert outcome.failure == f"{failure}; it said:\nas told"
    assert not outcome.is_as_wanted
    assert "Stopped early: crash-0003" in report(outcome, ("audited",))


# --- how it kills and what it tells ---


def test_the_steps_are_those_that_the_library_announces():
    announced = []
    for source in (SCRIPTS.parent / "segmentation").rglob("*.py"):
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "reached":
                announced.append(getattr(staging, ast.unparse(call.args[0]).rpartition(".")[2]))

    assert sorted(announced) == sorted(STEPS)
    assert staging.steps.name == STEPS_LOGGER


def test_half_of_the_kills_are_at_the_steps_in_equal_shares():
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


Found = TypeVar("Found")


def soon(look: Callable[[], Found]) -> Found:
    """What `look` finds as soon as that is something."""
    given_up = time.monotonic() + SECONDS_TO_WAIT
    while not (found := look()):
        assert time.monotonic() < given_up, "nothing came"
        time.sleep(0.01)
    return found


def test_the_report_has_a_line_for_each_thing_that_is_counted():
    outcome = Outcome(kills=Counter({RANDOM_MOMENT: 2, "audited": 1}), outran=1, normal=[8.0, 12.0], redone=[11.0])
    outcome.reader.reads, outcome.reader.seconds, outcome.reader.longest_pause = 1_200, 60.0, 0.081
    outcome.reader.faulty["torn"] = 3
    outcome.afterwards["x is left over"] = Fault(Kind.LEFTOVER, "x is left over")

    lines = report(outcome, ("audited", "before rename")).splitlines()

    assert lines[2:20] == [
        "| kills | 3 | |",
        "| … at a random moment | 2 | |",
        "| … at the step “audited” | 1 | |",
        "| … at the step “before rename” | 0 | |",
        "| runs that were done before their moment came | 1 | |",
        "| reads, every checksum verified | 1,200 | ≥ 3 |",
        "| reads a second | 20.0 | ≥ 10 |",
        "| longest pause between two reads | 0.08 s | |",
        "| torn reads | 3 | 0 |",
        "| mixed reads | 0 | 0 |",
        "| reads of a published run that was changed | 0 | 0 |",
        "| reads of a `latest.json` that went back | 0 | 0 |",
        "| runs lost | 0 | 0 |",
        "| leftovers after the next success | 1 | 0 |",
        "| normal run, nothing killed before | 10.0 s (median of 2) | |",
        "| recovery: the next run after kills | 11.0 s (median of 1) | |",
        "| recovery ÷ normal | 1.10 | ≤ 1.1 |",
        "| the next run where the kill came after the rename | – | |",
    ]
    assert lines[-1] == "- x is left over"


# --- the command ---


def harness(*arguments: object) -> list[str]:
    return [sys.executable, str(SCRIPTS / "crash_harness.py"), *map(str, arguments)]


def test_a_lake_in_use_is_refused(lake: Path):
    done = subprocess.run(harness(lake, "--kills", 1), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{lake}: is not an empty folder; name a new one, never a lake in use" in done.stderr
    assert leftovers(lake, {"first", "second"}) == []


def test_the_entry_for_kills_at_a_step_does_not_kill_the_shell_that_starts_it():
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "crash_at_step.py"), "audited"],
        capture_output=True,
        text=True,
        check=False,
        process_group=0,
    )
    assert done.returncode == 1
    assert "would kill the shell that started it" in done.stderr


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="the processes of this system are not told by /proc")
def test_an_interrupt_leaves_no_process_and_no_scratch(tmp_path: Path):
    lake, scratch = tmp_path / "lake", tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch)}
    with subprocess.Popen(
        harness(lake),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - ignored in the background
    ) as running:
        soon(lambda: processes_that_name(lake) >= {"crash_harness.py", "crash_reader.py", "segment_customers.py"})

        running.send_signal(signal.SIGINT)

        assert running.wait(SECONDS_TO_WAIT) == 130
    assert processes_that_name(lake) == set()
    assert list(scratch.iterdir()) == []


def processes_that_name(lake: Path) -> set[str]:
    """The Python programs in the command lines of all processes that name the lake."""
    found: set[str] = set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ended meanwhile
            words = entry.read_bytes().decode(errors="replace").split("\0")
            if str(lake) in words:
                found |= {Path(word).name for word in words if word.endswith(".py")}
    return found


@pytest.mark.slow
def test_the_real_job_killed_at_steps_and_moments_keeps_its_lake_whole(tmp_path: Path):
    table = tmp_path / "crashes.md"
    # Of this seed one kill is at a random moment and one right after the rename; many more are made by hand.
    kills = ("--kills", 2, "--seed", 25, "--normal-runs", 1)

    done = subprocess.run(
        harness(tmp_path / "lake", *kills, "--report", table), capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == table.read_text(encoding="utf-8")
    found = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", done.stdout, re.MULTILINE))
    assert found["kills"] == "2"
    assert found["… at a random moment"] == found["… at the step “after rename”"] == "1"
    assert float(found["reads a second"]) > 0
    assert found["torn reads"] == found["runs lost"] == found["leftovers after the next success"] == "0"
