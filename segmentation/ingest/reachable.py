"""Say what is needed to reach a path that this machine or this Spark cannot open."""

import re

from pyspark.sql import SparkSession

from segmentation.errors import ConfigError, InputError, java_message
from segmentation.filesystem import SCHEME_AND_HOST, FileSystem, filesystem_for
from segmentation.redaction import without_secrets

WINDOWS = re.compile(r"[A-Za-z]:[\\/](?!/)")
DATABASE = re.compile(r"(jdbc|postgres|postgresql|mysql|mongodb(\+srv)?|sqlserver|oracle|sqlite|odbc):", re.IGNORECASE)
WEB = re.compile(r"(https?|ftps?|sftp|scp)://", re.IGNORECASE)
# What Spark needs for a scheme that it does not know.
PACKAGE = "start spark-submit with the package {} in the version of Spark's Hadoop"
AMAZON, MICROSOFT = PACKAGE.format("org.apache.hadoop:hadoop-aws"), PACKAGE.format("org.apache.hadoop:hadoop-azure")
PACKAGES = {
    "s3": f"name it s3a://, and {AMAZON}",
    "s3n": f"name it s3a://, and {AMAZON}",
    "s3a": AMAZON,
    "gs": "start spark-submit with Google's connector, gcs-connector-hadoop3",
    **dict.fromkeys(("abfs", "abfss", "wasb", "wasbs"), MICROSOFT),
    "adl": PACKAGE.format("org.apache.hadoop:hadoop-azure-datalake"),
    "oss": PACKAGE.format("org.apache.hadoop:hadoop-aliyun"),
    "dbfs": "run the job on Databricks, or copy the files to a store that this Spark reaches",
}
NO_FILE_SYSTEM = re.compile("No FileSystem for scheme|No AbstractFileSystem|ClassNotFound|not found", re.IGNORECASE)


def require_file_path(path: str) -> None:
    """Raise InputError for what is no path of a file here: a path of Windows, a database, an address on the web."""
    shown = without_secrets(path)
    if WINDOWS.match(path):
        raise InputError(
            f"{shown}: is a path of Windows: give the path under which this machine sees the file, such as "
            "/mnt/c/folder/file.csv in WSL, or copy it here"
        )
    if DATABASE.match(path):
        raise InputError(f"{shown}: is a database: export the table of sales to CSV or Parquet, and name that file")
    if WEB.match(path):
        raise InputError(f"{shown}: is an address on the network: download the file, and name the copy")


def needed_for(path: str, reason: str) -> str:
    """Return why a path cannot be listed, with what Spark needs where it does not know the scheme."""
    package = PACKAGES.get(path.partition("://")[0].lower()) if "://" in path else None
    return f"{reason}: {package}" if package and NO_FILE_SYSTEM.search(reason) else reason


def reachable_filesystem(spark: SparkSession, path: str, name: str) -> FileSystem:
    """Return the file system of a path that is to be written or holds a lake; `name` is what messages call it.

    Raises: ConfigError for a path of Windows, what is no URI, an unknown scheme, or a host that does not answer.
    """
    if WINDOWS.match(path):
        raise ConfigError(f"{name} {path}: is a path of Windows: give the path that it has on this machine")
    if ":" in path.partition("/")[0] and not SCHEME_AND_HOST.match(path):  # Hadoop takes it for a scheme
        raise ConfigError(f"{name} {path}: is no URI; a folder of this machine with a colon is ./{path}")
    try:
        return filesystem_for(spark, path)
    except Exception as error:  # noqa: BLE001 - py4j raises every Java exception as its own type
        raise ConfigError(f"{name} {path}: cannot be reached: {needed_for(path, java_message(error))}") from None
