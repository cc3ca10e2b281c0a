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
from collections.abc import Mapping
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
TEMPORARY: Final = "java.io.tmpdir"
OWN: Final = "segmentation-"
# How the names of these folders begin: the job's own, and what Spark makes before the job can say where.
PREFIXES: Final = (OWN, "spark-")
# A home folder may be shared by machines, whose scratch folders are not here.
ENDING: Final = f".{HOST}.claim"


def job_session(name: str, variables: Mapping[str, str]) -> SparkSession:
    """Return the session of a job, its scratch folders claimed; what killed jobs left is removed before.

    All that Java and Spark write outside of the lake goes into folders of the job's own, inside of Java's temporary
    folder and, on one machine, of `spark.local.dir`.
    """
    claims = claims_folder(variables)
    remove_left_scratch(claims)
    settings: dict[str, str] = {}
    with suppress(Exception):  # a convenience for the machine, which must not stop the run
        claim = open_claim(claims)
        if claim is not None and SparkContext._active_spark_context is None:
            SparkContext._ensure_initialized()  # starts Java, which knows what spark-submit was given
            settings = use_own_folders(SparkContext._jvm, SparkConf(), claim, variables)
    return spark_session(name, settings)


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


def use_own_folders(jvm: Any, conf: Any, claim: int, variables: Mapping[str, str]) -> dict[str, str]:
    """Claim folders of the job's own, let Java use them and remove them at its end, and return Spark's settings.

    `spark.local.dir` is for all executors, whose disks may be others, unless the driver is the only one. Without it
    Spark takes Java's temporary folder; where SPARK_LOCAL_DIRS is set, Spark heeds no setting.
    """
    java, spark_removes = jvm.java.lang.System, jvm.org.apache.spark.util.ShutdownHookManager
    temporary = Path(java.getProperty(TEMPORARY))
    is_local = str(conf.get("spark.master", "")).startswith("local") and "SPARK_LOCAL_DIRS" not in variables
    spill = [folder for folder in str(conf.get(LOCAL_DIR, "")).split(",") if folder] if is_local else []
    own, *own_spill = [f"{folder}/{OWN}{uuid4().hex[:12]}" for folder in (temporary, *spill)]
    # spark-submit made folders before: Java is asked about those of its own time, there may be thousands of others.
    began = jvm.java.lang.management.ManagementFactory.getRuntimeMXBean().getStartTime() / 1000
    new = [path for path in temporary.iterdir() if _is_ours(path) and path.lstat().st_ctime >= began - 1]
    made = [str(path) for path in new if spark_removes.hasShutdownDeleteDir(jvm.java.io.File(str(path)))]
    write_claim(claim, [own, *own_spill, *made])
    for folder in (own, *own_spill):
        spark_removes.registerShutdownDeleteDir(jvm.java.io.File(folder))
    Path(own).mkdir(mode=OWNER_ONLY_FOLDER)
    java.setProperty(TEMPORARY, own)
    return {LOCAL_DIR: ",".join(own_spill)} if own_spill else {}


def _is_ours(path: Path) -> bool:
    """Return whether a path is a folder, no link, of this user, by a name of the job or of Spark."""
    with suppress(OSError):
        is_folder = path.is_dir() and not path.is_symlink()
        return path.name.startswith(PREFIXES) and is_folder and path.lstat().st_uid == os.geteuid()
    return False
