"""Say what is needed to reach a path that this machine or this Spark cannot open."""

import re

from segmentation.errors import InputError
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
