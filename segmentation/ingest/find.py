"""Find the files of an input, and look once at the beginning or footer of each, many at a time."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

from pyspark.sql import SparkSession

from segmentation.config.settings import InputSettings
from segmentation.errors import InputError, counted, java_message
from segmentation.filesystem import (
    HIDDEN_IS_NO_DATA,
    FileSystem,
    FileSystems,
    StoredFile,
    is_hidden,
    readable_path,
)
from segmentation.ingest.csv_files import csv_header
from segmentation.ingest.files import (
    HEAD_BYTES,
    MOST_NAMES_COMPARED,
    Header,
    InputFile,
    folder_columns,
    is_stopped,
    kind_of,
    missing_path_error,
)
from segmentation.ingest.json_files import json_header
from segmentation.ingest.parquet_files import parquet_schema
from segmentation.redaction import without_secrets

logger = logging.getLogger(__name__)

# An object store takes tens of milliseconds to open a file, in which others can be opened.
FILES_AT_A_TIME = 32
MOST_FILES_NAMED = 3


def find_input(spark: SparkSession, paths: Sequence[str], settings: InputSettings) -> list[InputFile]:
    """Return every file at the given paths, directories and globs once, sorted by path.

    Empty files are left out with a warning.

    Raises: InputError for a path without a file, a name that Spark skips, and an input without a line; for the first
        file that cannot be opened, has no known format, or is no CSV, JSON or Parquet that can be read.
    """
    filesystems = FileSystems(spark)
    stored_files: dict[str, tuple[FileSystem, StoredFile]] = {}
    for path in paths:
        filesystem, matches = _find(spark, filesystems, path)
        if not matches:
            raise missing_path_error(path, _sibling_names(filesystem, path))
        stored_files |= {file.path: (filesystem, file) for file in matches}
    with ThreadPoolExecutor(FILES_AT_A_TIME) as pool:
        looks = pool.map(lambda path: _look_at(spark, *stored_files[path], settings), sorted(stored_files))
        filled, empty = _sorted_out(looks)
    if not filled:
        raise InputError(f"{', '.join(empty[:3])}: empty, there are no lines to read")
    if empty:
        logger.warning("%s skipped", _named(empty, "is empty and was", "are empty and were"))
    return filled


def _sorted_out(looks: Iterable[tuple[InputFile, bytes]]) -> tuple[list[InputFile], list[str]]:
    """Return the files with lines, and the paths of those without; warn of files that seem to be copies."""
    filled, empty = [], []
    headers: dict[Header, Header] = {}
    firsts: dict[tuple[int, bytes], str] = {}
    copies: defaultdict[str, list[str]] = defaultdict(list)
    for file, digest in looks:
        if not digest:
            empty.append(file.path)
            continue
        # Thousands of files have a few headers: each is kept once.
        filled.append(replace(file, header=headers.setdefault(file.header, file.header)))
        first = firsts.setdefault((file.stored.size, digest), file.path)
        if first != file.path:
            copies[first].append(file.path)
    for first, paths in copies.items():
        seems = _named(paths, "seems to be a copy", "seem to be copies")
        logger.warning("%s of %s: the same size and beginning", seems, first)
    return filled, empty


def _named(paths: Sequence[str], singular: str, plural: str) -> str:
    """Return a sentence over the first of some paths, with the number of the others."""
    more = f" and {counted(len(paths) - MOST_FILES_NAMED, 'more file')}" if len(paths) > MOST_FILES_NAMED else ""
    return f"{', '.join(paths[:MOST_FILES_NAMED])}{more} {singular if len(paths) == 1 else plural}"


def _look_at(
    spark: SparkSession, filesystem: FileSystem, stored: StoredFile, settings: InputSettings
) -> tuple[InputFile, bytes]:
    """Return a file with its format and header, and a digest of its beginning, which is empty where the file is."""
    path = without_secrets(readable_path(stored.path))
    try:
        head = filesystem.head(stored.path, HEAD_BYTES) if stored.size else b""
        if not head:
            return InputFile(path, stored, "csv"), b""
        kind = settings.format if settings.format != "auto" else kind_of(head, path)
        names, form = _names_and_form(spark, filesystem, stored, path, kind, head, settings)
    except OSError as error:
        if is_stopped(spark):
            raise
        raise InputError(f"{path}: cannot be opened or unpacked: {error.strerror or error}") from None
    folders = tuple((name, number) for name, (number, _) in folder_columns(stored.path).items())
    return InputFile(path, stored, kind, Header(names, form, folders)), blake2b(head, digest_size=16).digest()


def _names_and_form(
    spark: SparkSession,
    filesystem: FileSystem,
    stored: StoredFile,
    path: str,
    kind: str,
    head: bytes,
    settings: InputSettings,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if kind == "csv":
        return csv_header(head, path, settings)
    if kind == "json":
        return json_header(head, path)
    if kind == "parquet":
        return (), (parquet_schema(spark, filesystem, stored, path, head),)
    return (), ()


def _find(spark: SparkSession, filesystems: FileSystems, path: str) -> tuple[FileSystem, list[StoredFile]]:
    try:
        filesystem = filesystems.of(path)
        matches = filesystem.find(path)
    except Exception as error:  # an unknown scheme, a host that does not answer, a lack of rights
        if is_stopped(spark):
            raise
        raise InputError(f"{path}: cannot be listed: {java_message(error)}") from None
    visible = []
    for file in matches:
        name = Path(file.path).name
        if not is_hidden(name):
            visible.append(file)
        elif name == Path(path).name:
            raise InputError(f"{path}: cannot be read: {HIDDEN_IS_NO_DATA}")
        else:  # a glob matched it
            logger.warning("%s is left out: %s", readable_path(file.path), HIDDEN_IS_NO_DATA)
    return filesystem, visible


def _sibling_names(filesystem: FileSystem, path: str) -> list[str]:
    """Return the names in the folder of a path; none where it cannot be listed."""
    try:
        return filesystem.names_in(path.removesuffix(Path(path).name) or ".")[:MOST_NAMES_COMPARED]
    except Exception:  # noqa: BLE001 - py4j hands on every Java exception as its own kind; this is only for a hint
        return []
