"""Spark's scratch folders on this machine: what a killed run left there, the next run removes.

Spark removes its folders when Java ends, but not where Java is killed: by `kill -9`, or for lack of memory. So each job
notes its own in a claim, a file that is locked as long as the job lives. Whose lock is free is gone.
"""

import fcntl
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from segmentation.filesystem import HOST, OWNER_ONLY_FOLDER
from segmentation.session import spark_session

logger = logging.getLogger(__name__)

LOCAL_DIR: Final = "spark.local.dir"
OWN: Final = "segmentation-"
# How the names of these folders begin: the job's own, and what Spark makes before the job can say where.
PREFIXES: Final = (OWN, "spark-", "artifacts-")
# A home folder may be shared by machines, whose scratch folders are not here.
ENDING: Final = f".{HOST}.claim"


def job_session(name: str, variables: Mapping[str, str]) -> SparkSession:
    """Return the session of a job, its scratch folders claimed; what killed jobs left is removed before.

    On one machine, all that Spark spills goes into a folder of the job's own, inside of `spark.local.dir`.
    """
    claims = claims_folder(variables)
    remove_left_scratch(claims)
    folders: list[str] = []
    claim = None
    with suppress(Exception):  # a convenience for the machine, which must not stop the run
        claim = open_claim(claims)
        if claim is not None:
            folders = _own_folders(variables)
            write_claim(claim, folders)
    spark = spark_session(name, {LOCAL_DIR: ",".join(folders)} if folders else {})
    with suppress(Exception):
        if claim is not None:
            write_claim(claim, [*folders, *_made_by_spark(spark, folders)])
    return spark


def claims_folder(variables: Mapping[str, str]) -> Path | None:
    """Return the folder of claims, given the environment variables; None where there is no home directory."""
    with suppress(RuntimeError):
        return Path(variables.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "customer-segmentation" / "scratch"
    return None


def remove_left_scratch(claims: Path | None) -> None:
    """Remove the scratch folders that jobs of this user claimed on this machine and left behind."""
    for claim in sorted(claims.glob(f"*{ENDING}")) if claims is not None else ():
        with suppress(OSError, ValueError, TypeError):  # the job lives, another one removes the same, or it is damaged
            descriptor = os.open(claim, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left = [path for path in map(Path, json.loads(claim.read_text())) if _is_ours(path)]
                for path in left:
                    shutil.rmtree(path, ignore_errors=True)
                claim.unlink()
            finally:
                os.close(descriptor)
            if left:
                logger.info("removed what a killed run left in %s", ", ".join(map(str, left)))


def open_claim(claims: Path | None) -> int | None:
    """Make an empty claim, and return its descriptor: the lock on it ends with this process."""
    if claims is None:
        return None
    claims.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY_FOLDER)
    descriptor, unfinished = tempfile.mkstemp(dir=claims)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        write_claim(descriptor, [])
        Path(unfinished).rename(f"{unfinished}{ENDING}")
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        os.close(descriptor)
        raise
    return descriptor


def write_claim(descriptor: int, folders: list[str]) -> None:
    """Write the folders into an open claim. One that is cut off by the end of the process removes nothing."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(folders).encode(), 0)


def _own_folders(variables: Mapping[str, str]) -> list[str]:
    """Return new names inside each of Spark's local directories, none where these are not the job's to say.

    They belong to this machine alone where the driver is the only executor.
    """
    if SparkContext._active_spark_context is not None or "SPARK_LOCAL_DIRS" in variables:
        return []
    SparkContext._ensure_initialized()  # of the configuration that spark-submit was given, Java knows
    conf = SparkConf()
    if not str(conf.get("spark.master", "")).startswith("local"):
        return []
    configured = [folder for folder in str(conf.get(LOCAL_DIR, "")).split(",") if folder]
    return [f"{folder}/{OWN}{uuid4().hex[:12]}" for folder in configured or [tempfile.gettempdir()]]


def _made_by_spark(spark: SparkSession, own: list[str]) -> Iterator[str]:
    """Let Spark remove the job's own folders at its end, and yield those that it made beside them, by its own list."""
    jvm: Any = spark._jvm
    spark_removes: Any = jvm.org.apache.spark.util.ShutdownHookManager
    for folder in own:
        spark_removes.registerShutdownDeleteDir(jvm.java.io.File(folder))
    with suppress(Exception):  # it makes its folder when it is first asked for
        session: Any = spark._jsparkSession
        session.artifactManager()
    began = jvm.java.lang.management.ManagementFactory.getRuntimeMXBean().getStartTime() / 1000
    for path in Path(jvm.java.lang.System.getProperty("java.io.tmpdir")).iterdir():
        # Java is asked about new folders alone: on a busy machine there may be thousands of old ones.
        is_new = _is_ours(path) and path.lstat().st_ctime >= began - 1 and str(path) not in own
        if is_new and spark_removes.hasShutdownDeleteDir(jvm.java.io.File(str(path))):
            yield str(path)


def _is_ours(path: Path) -> bool:
    """Return whether a path is a folder, no link, of this user, by a name of the job or of Spark."""
    with suppress(OSError):
        is_folder = path.is_dir() and not path.is_symlink()
        return path.name.startswith(PREFIXES) and is_folder and path.lstat().st_uid == os.geteuid()
    return False
