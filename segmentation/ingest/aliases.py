"""Let Spark open local files under other names, where Java cannot open them under their own.

An alias is a link, or a copy, in a folder of Spark's local directory. Its path below that folder is the file's own,
each part encoded as in a URI: the true path can be read off it.
"""

import os
import re
from pathlib import Path
from shutil import copyfileobj
from threading import Lock
from urllib.parse import quote, unquote
from uuid import uuid4

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from segmentation.filesystem import readable_path
from segmentation.filesystem.local import UTF_8_REMEDY, java_knows_all_names
from segmentation.session import is_one_process, local_directory

# The percent sign lets `source_file` see at once that a path needs decoding.
FOLDER = "input%names-"
BEFORE_PATH = re.compile(rf"^.*/{FOLDER}[0-9a-f]{{32}}(?=/)")
LONGEST_NAME = 255


class Aliases:
    """The aliases of one input. The folder is made with the first of them, and goes when Spark ends."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._lock = Lock()
        self._folder = ""
        self._knows_all_names = java_knows_all_names(spark)

    def needed(self, path: str) -> bool:
        """Return whether Java cannot open a local file: Hadoop takes a colon for a scheme, a letter may be lost."""
        return ":" in readable_path(path) or not (self._knows_all_names or path.isascii())

    def link(self, path: str) -> str:
        """Return the path of a link to a local file. Raises OSError where no link helps."""
        alias = self._alias(path)
        if not os.path.lexists(alias):
            alias.symlink_to(readable_path(path))
        return f"file:{alias}"

    def copy_of_first(self, path: str, count: int) -> str:
        """Return the path of a copy of the first `count` bytes of a local file. Raises OSError where no copy helps."""
        alias = self._alias(path)
        with Path(readable_path(path)).open("rb") as source, alias.open("wb") as target:
            copyfileobj(source, target)
            target.truncate(count)
        return f"file:{alias}"

    def _alias(self, path: str) -> Path:
        if not is_one_process(self._spark):
            remedy = "rename it" if ":" in readable_path(path) or path.isascii() else UTF_8_REMEDY
            raise OSError(f"the executors of a cluster cannot open it under this name: {remedy}")
        parts = [quote(part, safe="=") for part in readable_path(path).split("/")[1:]]
        if any(len(part) > LONGEST_NAME for part in parts):
            raise OSError("its name is too long for Spark to open: rename it")
        with self._lock:
            if not self._folder:
                self._folder = f"{local_directory(self._spark)}/{FOLDER}{uuid4().hex}"
        alias = Path(self._folder, *parts)
        alias.parent.mkdir(parents=True, exist_ok=True)
        return alias


def path_behind_alias(path: str) -> str:
    """Return the true path of a file that was opened under an alias; any other path as it is.

    >>> path_behind_alias(f"/tmp/{FOLDER}{'0' * 32}/data/8%3A00.csv")
    '/data/8:00.csv'
    """
    encoded = BEFORE_PATH.sub("", path)
    return path if encoded == path else unquote(encoded)


def column_behind_alias(path: Column) -> Column:
    """Return the true path where a column has the path of an alias."""
    encoded = F.regexp_replace(path, BEFORE_PATH.pattern, "")
    return F.when(F.contains(path, F.lit(f"/{FOLDER}")), F.try_url_decode(encoded)).otherwise(path)
