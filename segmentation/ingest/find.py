"""Find the files of an input, and look once at the beginning or footer of each, many at a time."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from pyspark.sql import SparkSession

from segmentation.config.settings import InputSettings
from segmentation.errors import InputError, SegmentationError, counted, java_message
from segmentation.filesystem import (
    HIDDEN_IS_NO_DATA,
    FileSystem,
    FileSystems,
    StoredFile,
    is_hidden,
    readable_path,
)
from segmentation.filesystem.listing import identities
from segmentation.filesystem.local import LocalFileSystem
from segmentation.ingest.aliases import Aliases
from segmentation.ingest.content import WHOLE_BYTES, content_of, gzip_size
from segmentation.ingest.csv_head import csv_header
from segmentation.ingest.files import (
    HEAD_BYTES,
    LONGEST_FIRST_LINE,
    MOST_NAMES_COMPARED,
    Header,
    InputFile,
    folder_columns,
    is_stopped,
    kind_of,
    missing_path_error,
)
from segmentation.ingest.formats import BLOCKS_OF_HADOOP, require_blocks_of_hadoop
from segmentation.ingest.json_head import json_header, objects_in
from segmentation.ingest.parquet_footers import parquet_header
from segmentation.ingest.reachable import needed_for, require_file_path
from segmentation.ingest.refused_folders import existence_in, refuse_local_tables, refuse_log_or_warn, refuse_tables
from segmentation.redaction import without_secrets

logger = logging.getLogger(__name__)

# An object store takes tens of milliseconds to open a file, in which others can be opened.
FILES_AT_A_TIME = 32
MOST_FILES_NAMED = 3
# The endings by which a file says its format: what stands before them is the name of its content.
FORMS = re.compile(r"(\.(csv|tsv|txt|json|jsonl|ndjson|parquet|xlsx|gz|bz2|zst|snappy|lz4))+$", re.IGNORECASE)


@dataclass(frozen=True)
class _Inspection:
    """How the files of one input are looked at: `is_whole` is whether all of their content is read for a checksum."""

    spark: SparkSession
    settings: InputSettings
    aliases: Aliases
    is_whole: bool


def find_input(spark: SparkSession, paths: Sequence[str], settings: InputSettings) -> list[InputFile]:
    """Return every file at the given paths, directories and globs once, sorted by path, whatever links lead to it.

    Empty files are left out with a warning.

    Raises: InputError for a path without a file, a name that Spark skips, a table whose log decides which files count,
        and an input without a line; for the first file that cannot be opened, has no known format, or is no CSV, JSON
        or Parquet that can be read.
    """
    filesystems = FileSystems(spark)
    found: dict[str, tuple[FileSystem, StoredFile]] = {}
    for path in paths:
        filesystem, matches = _find(spark, filesystems, path)
        if not matches:
            raise missing_path_error(path, _sibling_names(filesystem, path))
        if isinstance(filesystem, LocalFileSystem):
            refuse_local_tables([readable_path(file.path) for file in matches])
        else:
            found_paths = [file.path for file in matches]
            refuse_tables(found_paths, existence_in(filesystem), filesystem.names_in, filesystem.read_text)
        found |= {file.path: (filesystem, file) for file in matches}
    stored_files = _each_once(found)
    is_whole = sum(stored.size for _, stored in stored_files.values()) <= WHOLE_BYTES
    inspection = _Inspection(spark, settings, Aliases(spark), is_whole)
    with ThreadPoolExecutor(FILES_AT_A_TIME) as pool:
        looks = pool.map(lambda path: _look_at(inspection, *stored_files[path]), sorted(stored_files))
        filled, empty = _sorted_out(looks)
    if not filled:
        named = ", ".join(path for path, _ in empty[:3])
        raise InputError(f"{named}: empty, there are no lines to read")
    # Spark itself writes parts of Parquet without rows.
    without_bytes = [path for path, has_bytes in empty if not has_bytes]
    if without_bytes:
        logger.warning("%s skipped", _named(without_bytes, "is empty and was", "are empty and were"))
    return filled


def _each_once(found: dict[str, tuple[FileSystem, StoredFile]]) -> dict[str, tuple[FileSystem, StoredFile]]:
    """Return the files without other names of the same file, by which links lead to it; warn of these."""
    local = [path for path, (filesystem, _) in found.items() if isinstance(filesystem, LocalFileSystem)]
    names: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    for path, identity in identities(local).items():
        if identity[1]:  # some network file systems number no files
            names[identity].append(path)
    linked: dict[str, str] = {}
    for same in names.values():
        if len(same) > 1:
            own = min(same, key=lambda path: (str(Path(readable_path(path)).resolve()) != readable_path(path), path))
            linked |= {path: own for path in same if path != own}
    if linked:
        path, own = min(linked.items())
        more = f", as do {counted(len(linked) - 1, 'more link')}" if len(linked) > 1 else ""
        logger.warning(
            "%s leads to the same file as %s%s: each file is read once", readable_path(path), readable_path(own), more
        )
    return {path: file for path, file in found.items() if path not in linked}


def _sorted_out(looks: Iterable[tuple[InputFile, bytes]]) -> tuple[list[InputFile], list[tuple[str, bool]]]:
    """Return the files with lines, and the paths of those without, with whether they have bytes.

    Warns of files that seem to be copies.
    """
    filled: list[InputFile] = []
    empty: list[tuple[str, bool]] = []
    headers: dict[Header, Header] = {}
    firsts: dict[tuple[int, bytes], str] = {}
    copies: defaultdict[str, list[str]] = defaultdict(list)
    for file, digest in looks:
        if not digest:
            empty.append((file.path, file.stored.size > 0))
            continue
        # Thousands of files have a few headers: each is kept once.
        filled.append(replace(file, header=headers.setdefault(file.header, file.header)))
        first = firsts.setdefault((file.stored.size, digest), file.path)
        if first != file.path:
            copies[first].append(file.path)
    for first, paths in copies.items():
        seems = _named(paths, "seems to be a copy", "seem to be copies")
        logger.warning("%s of %s: the same size and beginning", seems, first)
    _warn_of_forms(filled)
    return filled, empty


def _warn_of_forms(files: Sequence[InputFile]) -> None:
    """Warn of files whose names differ in their format alone, such as `sales.csv` and `sales.csv.gz`."""
    forms: defaultdict[str, list[str]] = defaultdict(list)
    for file in files:
        forms[FORMS.sub("", file.path)].append(file.path)
    for first, *others in forms.values():
        if others:
            named = _named(others, "seems to be the same data", "seem to be the same data")
            logger.warning("%s as %s in another format: their lines are read from each. Name one of them", named, first)


def _named(paths: Sequence[str], singular: str, plural: str) -> str:
    """Return a sentence over the first of some paths, with the number of the others."""
    more = f" and {counted(len(paths) - MOST_FILES_NAMED, 'more file')}" if len(paths) > MOST_FILES_NAMED else ""
    return f"{', '.join(paths[:MOST_FILES_NAMED])}{more} {singular if len(paths) == 1 else plural}"


def _look_at(inspection: _Inspection, filesystem: FileSystem, listed: StoredFile) -> tuple[InputFile, bytes]:
    """Return a file with its format and header, and a digest of its beginning, which is empty where the file is."""
    path = without_secrets(readable_path(listed.path))
    spark, settings = inspection.spark, inspection.settings
    try:
        stored = _openable(inspection, filesystem, listed)
        head = filesystem.head(stored.path, HEAD_BYTES) if stored.size else b""
        if not head:
            return InputFile(path, stored, "csv"), b""
        kind = settings.format if settings.format != "auto" else kind_of(head, path)
        header, rows = _header(inspection, filesystem, stored, path, kind, head)
        if rows == 0:
            return InputFile(path, stored, kind), b""
        content = content_of(filesystem, listed, inspection.is_whole)
    except OSError as error:
        if is_stopped(spark):
            raise
        raise InputError(f"{path}: cannot be opened or unpacked: {error.strerror or error}") from None
    folders = tuple((name, number) for name, (number, _) in folder_columns(listed.path).items())
    file = InputFile(path, replace(stored, content=content), kind, replace(header, folders=folders), listed=listed.path)
    return file, blake2b(head, digest_size=16).digest()


def _openable(inspection: _Inspection, filesystem: FileSystem, listed: StoredFile) -> StoredFile:
    """Return a file under a path that Spark can open, with the bytes that Spark can read.

    Raises: OSError where there is none.
    """
    if listed.path.endswith(BLOCKS_OF_HADOOP) and listed.size:
        require_blocks_of_hadoop(filesystem.part(listed.path, 0, 8), listed.size)
    if not isinstance(filesystem, LocalFileSystem):
        return listed
    aliases, path = inspection.aliases, listed.path
    size = gzip_size(path, listed.size) if path.endswith(".gz") and listed.size else listed.size
    if size < listed.size:
        return replace(listed, path=aliases.copy_of_first(path, size))
    return replace(listed, path=aliases.link(path)) if aliases.needed(path) else listed


def _header(
    inspection: _Inspection, filesystem: FileSystem, stored: StoredFile, path: str, kind: str, head: bytes
) -> tuple[Header, int | None]:
    """Return the header of a file but for its folders, and the number of its rows, None where it is not known."""
    settings = inspection.settings
    columns = set(settings.columns.by_field.values())
    if kind in ("csv", "json") and _is_in_first_line(head, kind):
        head = filesystem.head(stored.path, LONGEST_FIRST_LINE)
    if kind == "csv":
        csv = csv_header(head, path, columns, settings.csv)
        return Header(csv.names, csv.form), None
    if kind == "json":
        return Header(*json_header(head, path, columns)), None
    if kind == "parquet":
        return parquet_header(inspection.spark, filesystem, stored, path, head, columns)
    return Header(), None


def _is_in_first_line(head: bytes, kind: str) -> bool:
    """Return whether a head ends within the first line, so that it has no whole header or object."""
    is_whole = len(head) < HEAD_BYTES or b"\n" in head or b"\r" in head
    return not is_whole and (kind == "csv" or next(objects_in(head), None) is None)


def _find(spark: SparkSession, filesystems: FileSystems, path: str) -> tuple[FileSystem, list[StoredFile]]:
    require_file_path(path)
    try:
        filesystem = filesystems.of(path)
        matches = filesystem.find(path, refuse_log_or_warn)
    except SegmentationError:
        raise
    except Exception as error:  # an unknown scheme, a host that does not answer, a lack of rights
        if is_stopped(spark):
            raise
        raise InputError(f"{path}: cannot be listed: {needed_for(path, java_message(error))}") from None
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
