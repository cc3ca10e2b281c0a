"""The commands in scripts/, run as a user runs them."""

import ast
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import local_cluster
from scripts.compare_sparks import minor_versions, oldest_version
from tests.conftest import ROOT

pytestmark = pytest.mark.process

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
def test_every_command_answers_help(command: Path):
    done = run(command, "--help")

    assert done.returncode == 0, done.stderr
    assert done.stdout.lower().startswith("usage")
    assert command.name in done.stdout


def test_the_documented_commands_exist():
    expected = {"environment", "demo", "test", "submit", "package", "cluster", "lock", "benchmark", "crash_test"}
    assert expected | {
        "download_online_retail",
        "make_transactions",
        "evaluate_next_quarter",
        "spark_versions",
        "mutants",
    } == {path.name for path in COMMANDS}


# --- environment ---


def sourced(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell that has sourced scripts/environment."""
    return run("bash", "-c", f"set -euo pipefail; source '{SCRIPTS}/environment'; {command}", **environment)


def test_the_environment_puts_its_python_and_spark_first():
    done = sourced(
        'command -v python; command -v spark-submit; echo "$PYSPARK_PYTHON"; echo "$SPARK_HOME"; '
        "{ compgen -v; declare -F; } | grep -iE 'segmentation_exports|find_java|stamp' || true"
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "nothing is made again"
    python, spark_submit, pyspark_python, spark_home, *left_behind = done.stdout.splitlines()
    assert python == pyspark_python == str(ROOT / ".venv/bin/python")
    assert spark_submit == str(ROOT / ".venv/bin/spark-submit")
    assert Path(spark_home).is_relative_to(ROOT / ".venv")
    assert left_behind == []


def test_another_spark_and_an_old_java_are_replaced_with_a_message(tmp_path: Path):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'java version \"1.8.0_392\"' >&2\n")
    java.chmod(0o755)
    done = sourced(
        'echo "$SPARK_HOME"; echo "${PYTHONPATH:-none}${SPARK_CONF_DIR:-none}"; echo "$JAVA_HOME"',
        SPARK_HOME="/opt/another-spark",
        SPARK_CONF_DIR="/opt/another-spark/conf",
        PYTHONPATH="/opt/another-spark/python/lib/py4j-0.10.9-src.zip",
        JAVA_HOME=str(tmp_path),
    )

    assert done.returncode == 0, done.stderr
    spark_home, of_other_spark, java_home = done.stdout.splitlines()
    assert Path(spark_home).is_relative_to(ROOT / ".venv")
    assert of_other_spark == "nonenone"
    assert "not SPARK_HOME=/opt/another-spark" in done.stderr
    assert Path(java_home, "bin", "java").exists()
    assert f"not JAVA_HOME={tmp_path}, which is not 17 or newer" in done.stderr


BROWSERS = {"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}
INSTALLERS = {"apt-get", "dnf", "brew", "sudo"}


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder of the system's commands without browsers and without what could install one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for system in ("/usr/local/bin", "/usr/bin", "/bin"):
        for command in Path(system).glob("*"):
            if command.name not in BROWSERS | INSTALLERS and not (folder / command.name).exists():
                (folder / command.name).symlink_to(command)
    return folder


def test_a_missing_browser_is_reported_and_installed_by_apt_get(bare_path: Path):
    done = sourced("echo ready", PATH=str(bare_path), SEGMENTATION_WITH_BROWSER="1")
    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr
    assert "without a browser the tests of the report in one are skipped; install Chromium or Chrome" in done.stderr

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


# --- lock ---


def locked(path: Path) -> dict[str, list[Requirement]]:
    """Return each locked package's versions, of which there is more than one where Pythons or systems differ."""
    versions: dict[str, list[Requirement]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", " ")):
            requirement = Requirement(line.removesuffix("\\").strip())
            versions.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return versions


def test_the_locks_satisfy_the_ranges_in_setup_py():
    lists = {
        node.targets[0].id: [Requirement(text) for text in ast.literal_eval(node.value)]
        for node in ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and node.targets[0].id in {"RUNTIME", "TEST"}
    }
    job, tests = locked(ROOT / ".requirements.lock"), locked(ROOT / ".requirements-test.lock")
    assert set(job) & set(tests) == set()
    for requirements, versions in ((lists["RUNTIME"], job), (lists["TEST"], tests)):
        for requirement in requirements:
            for exact in versions[canonicalize_name(requirement.name)]:
                [specifier] = exact.specifier
                assert specifier.operator == "=="
                assert requirement.specifier.contains(specifier.version), f"{exact} is not in {requirement}"

    [spark] = [requirement for requirement in lists["RUNTIME"] if requirement.name == "pyspark"]
    assert spark.specifier.contains(oldest_version())
    assert oldest_version().startswith(f"{minor_versions()[0]}.")
    assert [minor for minor in map("4.{}".format, range(10)) if spark.specifier.contains(minor)] == minor_versions()


# --- package ---


def test_the_package_holds_the_library_alone_and_is_the_same_each_time(tmp_path: Path):
    first, second = (
        Path(run(SCRIPTS / "package", "--output", tmp_path / folder).stdout.strip()) for folder in ("one", "two")
    )
    assert re.fullmatch(r"segmentation-\d+\.\d+\.\d+\.zip", first.name)
    assert first.read_bytes() == second.read_bytes()
    assert [path.name for path in first.parent.iterdir()] == [first.name]

    names = zipfile.ZipFile(first).namelist()
    assert "segmentation/__init__.py" in names
    assert {name.partition("/")[0] for name in names} == {"segmentation"}
    assert not [name for name in names if "__pycache__" in name]
    done = run(
        sys.executable, "-I", "-c",
        "import sys; sys.path.insert(0, sys.argv[1]); import segmentation; print(segmentation.__file__)", first,
    )  # fmt: skip
    assert done.stdout.strip() == f"{first}/segmentation/__init__.py", done.stderr


# --- cluster: tests/jobs/clusters.py starts one and stops it ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["start", "--workers", "0"], "--workers: must be a number from 1, got '0'"),
        (["start", "--memory", "1x"], "--memory: must be a size such as 512m or 2g, got '1x'"),
    ],
)
def test_bad_arguments_of_the_cluster_command_end_with_a_message(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as exit_:
        local_cluster.main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_stopping_a_cluster_leaves_other_processes_alone(tmp_path: Path):
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            (tmp_path / "worker-1.pid").write_text(f"{other.pid}\n")

            assert local_cluster.main(["stop", "--dir", str(tmp_path)]) == 0

            assert other.poll() is None
            assert not (tmp_path / "worker-1.pid").exists()
        finally:
            other.kill()
