"""Start or stop a standalone Spark cluster on this machine: one master and some workers on loopback.

It is authenticated and encrypted as conf/spark-cluster.conf says. `start` waits until all workers have registered and
prints the master's URL; if the cluster runs already, it only prints the URL. DIR/job.properties, which only you can
read, then has all that a job needs: the profile, the URL, and the secret of this start. `stop` ends the processes that
`start` began, and no others.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.arguments import positive

ROOT: Final = Path(__file__).resolve().parents[1]
PROFILE: Final = ROOT / "conf" / "spark-cluster.conf"
PROCESSES: Final = Path("/proc")
SECONDS_TO_START: Final = 180
SECONDS_TO_STOP: Final = 15
LOG_LINES_SHOWN: Final = 15


class Cluster:
    """A cluster by the folder of its process ids, logs, settings and work files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "conf" / "cluster.properties"
        self.job_properties = folder / "job.properties"
        self.url = folder / "master.url"
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def is_running(self) -> bool:
        """Return whether a complete start left all its processes running."""
        return self.url.is_file() and len(list(self._processes())) == len(list(self.folder.glob("*.pid")))

    def start(self, workers: int, cores: int, memory: str) -> None:
        """Start the processes and wait until all workers have registered. Raises SystemExit after a failure."""
        self.stop()  # processes left by a cluster of which some were killed
        shutil.rmtree(self.folder / "work", ignore_errors=True)
        os.umask(0o077)
        self.settings.parent.mkdir(parents=True, exist_ok=True)
        secret = f"spark.authenticate.secret {secrets.token_hex(32)}\n"
        profile = PROFILE.read_text(encoding="utf-8")
        shared = re.findall(r"^spark\.(?:authenticate|network\.crypto).*\n", profile, re.MULTILINE)
        own = "spark.master.rest.enabled false\nspark.ui.killEnabled false\nspark.port.maxRetries 0\n"
        self.settings.write_text("".join([own, *shared, secret]), encoding="utf-8")

        deadline = time.monotonic() + SECONDS_TO_START
        self._launch("master", "master.Master", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
        self._wait_for("I have been elected leader", "master", deadline)
        url = self._wait_for(r"(?<=Starting Spark master at )\S+", "master", deadline)
        names = [f"worker-{number}" for number in range(1, workers + 1)]
        for number, name in enumerate(names, start=1):
            work = str(self.folder / "work" / str(number))
            size = ("--cores", str(cores), "--memory", memory)
            address = ("--host", "127.0.0.1", "--webui-port", "0")
            self._launch(name, "worker.Worker", *address, *size, "--work-dir", work, url)
        for name in names:
            self._wait_for("Successfully registered with master", name, deadline)
        loopback = "spark.driver.host 127.0.0.1\nspark.driver.bindAddress 127.0.0.1\n"
        self.job_properties.write_text(f"{profile}\nspark.master {url}\n{loopback}{secret}", encoding="utf-8")
        self.url.write_text(f"{url}\n", encoding="utf-8")

    def stop(self) -> int:
        """End the processes, at last by SIGKILL, delete the secret, and return how many processes ran."""
        deadline = time.monotonic() + SECONDS_TO_STOP
        running = list(self._processes())
        for pid in running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        while left := list(self._processes()):
            if time.monotonic() > deadline:
                for pid in left:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)
        if self.url.is_file():
            port = int(self.url.read_text().rpartition(":")[2])
            # A process that is ending holds its sockets a moment longer than its name.
            with suppress(OSError):
                while time.monotonic() < deadline:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    time.sleep(0.1)
        for path in (self.url, self.job_properties, self.settings, *self.folder.glob("*.pid")):
            path.unlink(missing_ok=True)
        return len(running)

    def _processes(self) -> Iterator[int]:
        """Yield the ids of the running processes.

        The system may have given a number to another process meanwhile: a command line of this cluster names its
        settings.
        """
        for path in self.folder.glob("*.pid"):
            pid = path.read_text().strip()
            if "org.apache.spark.deploy." in (line := _command_line(pid)) and str(self.settings) in line:
                yield int(pid)

    def _launch(self, name: str, program: str, *arguments: str) -> None:
        """Start a process that outlives this one, and write down its id."""
        # Not the machine's settings: no spark-defaults.conf, and no spark-env.sh that binds to other addresses.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("SPARK_")}
        own = {"SPARK_CONF_DIR": str(self.settings.parent), "SPARK_DAEMON_MEMORY": "512m"}
        addresses = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_PUBLIC_DNS": "127.0.0.1"}
        spark_home = os.environ["SPARK_HOME"]
        command = [f"{spark_home}/bin/spark-class", f"org.apache.spark.deploy.{program}", *arguments]
        with (self.folder / f"{name}.log").open("wb") as log:
            self._started[name] = subprocess.Popen(
                [*command, "--properties-file", str(self.settings)],
                env={**inherited, "SPARK_HOME": spark_home, **own, **addresses},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self.folder / f"{name}.pid").write_text(f"{self._started[name].pid}\n")

    def _wait_for(self, pattern: str, name: str, deadline: float) -> str:
        """Wait until the process logs the pattern, and return what matches. Raises SystemExit after a failure."""
        log = self.folder / f"{name}.log"
        while not (match := re.search(pattern, log.read_text(encoding="utf-8", errors="replace"))):
            has_ended = self._started[name].poll() is not None
            if has_ended or time.monotonic() > deadline:
                trouble = "ended" if has_ended else f"was not ready within {SECONDS_TO_START} s"
                end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:])
                raise SystemExit(f"cluster: the {name} {trouble}; the end of {log}:\n{end}")
            time.sleep(0.1)
        return match[0]


def _command_line(pid: str) -> str:
    """Return the command line of a process, empty if it has ended."""
    if PROCESSES.is_dir():
        with suppress(OSError):
            return (PROCESSES / pid / "cmdline").read_text(errors="replace").replace("\0", " ")
        return ""
    shown = subprocess.run(["ps", "-ww", "-o", "command=", "-p", pid], capture_output=True, text=True, check=False)
    return shown.stdout


def memory_size(text: str) -> str:
    """Return a size such as 512m. Raises ArgumentTypeError, which argparse shows with the option's name."""
    if not re.fullmatch(r"[1-9]\d*[gGmM]", text):
        raise argparse.ArgumentTypeError(f"must be a size such as 512m or 2g, got {text!r}")
    return text


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/cluster", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("command", choices=("start", "stop"))
    parser.add_argument("--workers", type=positive, default=2, metavar="N", help="default: 2")
    parser.add_argument("--cores", type=positive, default=1, metavar="N", help="of each worker; default: 1")
    parser.add_argument("--memory", type=memory_size, default="1g", help="of each worker for executors; default: 1g")
    parser.add_argument("--dir", type=Path, default=ROOT / ".cluster", help="default: .cluster in the checkout")
    options = parser.parse_args(arguments)
    cluster = Cluster(options.dir.resolve())
    if options.command == "stop":
        stopped = cluster.stop()
        _say(f"stopped, with its {stopped} processes" if stopped else "not running")
        return 0
    if cluster.is_running():
        _say("already running")
    else:
        try:
            cluster.start(options.workers, options.cores, options.memory)
        except BaseException:
            cluster.stop()
            raise
        _say(f"started; submit with --properties-file {cluster.job_properties}")
    print(cluster.url.read_text(encoding="utf-8"), end="")
    return 0


def _say(message: str) -> None:
    print(f"cluster: {message}", file=sys.stderr)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
