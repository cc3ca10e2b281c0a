"""The commands in scripts/, run as a person runs them."""

import ast
import os
import re
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
COMMANDS = sorted(path for path in SCRIPTS.iterdir() if path.is_file() and os.access(path, os.X_OK))


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


# --- all ---


@pytest.mark.parametrize("command", [*COMMANDS, ROOT / ".ci" / "run"], ids=lambda path: path.name)
def test_every_command_explains_itself(command: Path):
    done = run(command, "--help")

    assert done.returncode == 0, done.stderr
    assert done.stdout.lower().startswith("usage")
    assert command.name in done.stdout


PROGRAMS = sorted(path for path in SCRIPTS.glob("*.py") if "__main__" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_every_program_behind_the_commands_explains_itself_too(program: Path):
    done = run(sys.executable, program, "--help", PYTHONPATH=str(ROOT))

    assert done.returncode == 0, done.stderr
    assert done.stdout.lower().startswith("usage")


def test_the_commands_that_the_design_names_are_there():
    expected = {"environment", "demo", "test", "package", "cluster", "lock", "make_transactions"}
    assert expected | {"download_online_retail"} <= {path.name for path in COMMANDS}


# --- environment ---


def sourced(tell: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run("bash", "-c", f"set -euo pipefail; source '{SCRIPTS}/environment'; {tell}", **environment)


def test_the_environment_puts_its_python_and_spark_first_and_makes_nothing_again():
    sourced("true")
    made = (ROOT / ".venv" / ".complete").stat().st_mtime_ns
    done = sourced('command -v python; command -v spark-submit; echo "$PYSPARK_PYTHON"; echo "$SPARK_HOME"')

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    python, spark_submit, pyspark_python, spark_home = done.stdout.splitlines()
    assert python == pyspark_python == str(ROOT / ".venv/bin/python")
    assert spark_submit == str(ROOT / ".venv/bin/spark-submit")
    assert Path(spark_home).is_relative_to(ROOT / ".venv")
    assert (ROOT / ".venv" / ".complete").stat().st_mtime_ns == made


def test_the_environment_leaves_no_names_of_its_own_behind():
    done = sourced("compgen -v; declare -F")
    assert "segmentation_" not in done.stdout
    assert "find_java" not in done.stdout


def test_another_spark_is_not_used_and_that_is_said(tmp_path: Path):
    (tmp_path / "pyspark").mkdir()
    done = sourced(
        'echo "$SPARK_HOME"; echo "$PYTHONPATH"; echo "${SPARK_CONF_DIR:-none}"',
        SPARK_HOME="/opt/another-spark",
        SPARK_CONF_DIR="/opt/another-spark/conf",
        PYTHONPATH=f"/opt/mine:{tmp_path}:/opt/another-spark/python/lib/py4j-0.10.9-src.zip",
    )

    spark_home, pythonpath, conf_dir = done.stdout.splitlines()
    assert Path(spark_home).is_relative_to(ROOT / ".venv")
    assert pythonpath == "/opt/mine"
    assert conf_dir == "none"
    assert "not SPARK_HOME=/opt/another-spark" in done.stderr


def test_a_java_home_without_a_java_that_spark_can_use_is_replaced_and_that_is_said(tmp_path: Path):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'java version \"1.8.0_392\"' >&2\n")
    java.chmod(0o755)

    done = sourced('echo "$JAVA_HOME"', JAVA_HOME=str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert f"not JAVA_HOME={tmp_path}, which is not 17 or newer" in done.stderr
    assert Path(done.stdout.strip(), "bin", "java").exists()


BROWSERS = {"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder with all the system's commands but the browsers and what could install one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in ("/usr/local/bin", "/usr/bin", "/bin"):
        for command in Path(place).glob("*"):
            if (
                command.name not in {*BROWSERS, "apt-get", "dnf", "brew", "sudo"}
                and not (folder / command.name).exists()
            ):
                (folder / command.name).symlink_to(command)
    return folder


def test_without_a_browser_the_environment_says_what_is_skipped_and_goes_on(bare_path: Path):
    done = sourced("echo ready", PATH=str(bare_path), SEGMENTATION_WITH_BROWSER="1")

    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr
    assert "without a browser the tests of the report in one are skipped; install Chromium or Chrome" in done.stderr


def test_nobody_is_given_a_browser_who_did_not_ask_for_one(bare_path: Path):
    done = sourced("echo ready", PATH=str(bare_path), SEGMENTATION_WITH_BROWSER="")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ready\n", "")


def test_a_missing_browser_is_installed_by_apt_get_where_that_may_be_done(bare_path: Path):
    stand_ins = {
        "apt-get": f'case "$*" in *"install --yes"*chromium*) cp "$0" "{bare_path}/chromium" ;; esac',
        "sudo": '[ "$1" = -n ] && shift; exec "$@"',
    }
    for name, script in stand_ins.items():
        (bare_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (bare_path / name).chmod(0o755)

    done = sourced("echo ready", PATH=str(bare_path), SEGMENTATION_WITH_BROWSER="1")

    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr
    assert done.stderr == "environment: installing Chromium with apt-get\n"
    assert (bare_path / "chromium").exists()


def test_the_tests_ask_for_a_browser():
    script = (SCRIPTS / "test").read_text(encoding="utf-8")
    assert script.index("export SEGMENTATION_WITH_BROWSER=1") < script.index('source "$root/scripts/environment"')


def test_the_environment_works_with_standard_input_closed():
    done = run("bash", "-c", f"exec <&-; set -eu; source '{SCRIPTS}/environment'; cat; echo read")
    assert (done.returncode, done.stdout) == (0, "read\n"), done.stderr


def test_the_environment_takes_no_arguments():
    done = run(SCRIPTS / "environment", "now")
    assert done.returncode == 2
    assert "takes no arguments, got: now" in done.stderr


# --- lock ---


def locked() -> dict[str, list[tuple[Requirement, int]]]:
    """Return each locked package's entries, with the number of checksums that each carries."""
    text = (ROOT / ".requirements.lock").read_text(encoding="utf-8")
    entries: dict[str, list[tuple[Requirement, int]]] = {}
    for entry in re.sub(r"\\\n", " ", text).splitlines():
        if entry and not entry.startswith("#"):
            requirement, *hashes = entry.split("--hash=sha256:")
            parsed = Requirement(requirement.strip())
            entries.setdefault(canonicalize_name(parsed.name), []).append((parsed, len(hashes)))
    return entries


def test_the_lock_names_one_exact_version_with_checksums_and_no_place_to_get_it_from():
    for entries in locked().values():
        for requirement, hashes in entries:
            assert [specifier.operator for specifier in requirement.specifier] == ["=="]
            assert requirement.url is None
            assert hashes > 0
    assert "://" not in (ROOT / ".requirements.lock").read_text(encoding="utf-8")


def test_the_lock_satisfies_the_ranges_in_setup_py():
    lists = {
        node.targets[0].id: [Requirement(text) for text in ast.literal_eval(node.value)]
        for node in ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and node.targets[0].id in {"RUNTIME", "TEST", "BENCHMARK"}
    }
    entries = locked()
    for wanted in lists["RUNTIME"] + lists["TEST"] + lists["BENCHMARK"]:
        for found, _ in entries[canonicalize_name(wanted.name)]:
            version = next(iter(found.specifier)).version
            assert wanted.specifier.contains(version), f"{found} is not in {wanted}: run scripts/lock"


# --- package ---


def test_the_package_is_the_same_to_the_byte_each_time(tmp_path: Path):
    built = [run(SCRIPTS / "package", "--output", tmp_path / folder) for folder in ("one", "two")]

    first, second = (Path(done.stdout.strip()) for done in built)
    assert re.fullmatch(r"segmentation-\d+\.\d+\.\d+\.zip", first.name)
    assert first.read_bytes() == second.read_bytes()
    assert [path.name for path in first.parent.iterdir()] == [first.name]


def test_the_package_holds_the_library_alone_and_is_importable(tmp_path: Path):
    package = run(SCRIPTS / "package", "--output", tmp_path).stdout.strip()

    names = zipfile.ZipFile(package).namelist()
    assert "segmentation/__init__.py" in names
    assert {name.partition("/")[0] for name in names} == {"segmentation"}
    assert not [name for name in names if "__pycache__" in name]
    done = run(
        sys.executable, "-I", "-c",
        "import sys; sys.path.insert(0, sys.argv[1]); import segmentation; print(segmentation.__file__)", package,
    )  # fmt: skip
    assert done.stdout.strip() == f"{package}/segmentation/__init__.py", done.stderr


# --- cluster ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say start, stop or status"),
        (["restart"], "unknown command restart"),
        (["start", "--workers", "0"], "--workers is a positive number, got 0"),
        (["start", "--memory", "1x"], "--memory is a size such as 512m or 2g, got 1x"),
        (["start", "--port"], "--port needs a value"),
        (["stop", "--all"], "unknown option --all"),
    ],
)
def test_a_misused_cluster_command_says_how_to_use_it(arguments: list[str], message: str):
    done = run(SCRIPTS / "cluster", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_stopping_a_cluster_never_ends_a_process_that_is_not_its_own(tmp_path: Path):
    with subprocess.Popen(["sleep", "60"]) as stranger:
        try:
            (tmp_path / "worker-1.pid").write_text(f"{stranger.pid}\n")

            done = run(SCRIPTS / "cluster", "stop", "--dir", tmp_path)

            assert done.returncode == 0, done.stderr
            assert stranger.poll() is None
            assert not (tmp_path / "worker-1.pid").exists()
        finally:
            stranger.kill()


@pytest.fixture
def cluster_folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "a cluster"
    yield folder
    run(SCRIPTS / "cluster", "stop", "--dir", folder)


@pytest.mark.cluster
def test_a_cluster_starts_answers_and_stops(cluster_folder: Path):
    where = ["--dir", cluster_folder]
    assert run(SCRIPTS / "cluster", "status", *where).returncode == 1

    started = run(SCRIPTS / "cluster", "start", *where, "--workers", 1, "--memory", "512m")
    assert started.returncode == 0, started.stderr
    url = started.stdout.splitlines()[-1]
    assert re.fullmatch(r"spark://127\.0\.0\.1:\d+", url)

    again = run(SCRIPTS / "cluster", "start", *where)
    assert (again.returncode, again.stdout.strip()) == (0, url)
    status = run(SCRIPTS / "cluster", "status", *where)
    assert (status.returncode, status.stdout.strip()) == (0, url)
    assert "with 1 worker" in status.stderr

    assert run(SCRIPTS / "cluster", "stop", *where).returncode == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=5)
    assert list(cluster_folder.glob("*.pid")) == []
    assert run(SCRIPTS / "cluster", "stop", *where).returncode == 0
    assert run(SCRIPTS / "cluster", "status", *where).returncode == 1
