"""Find the files of an input, recognise their format, and locate their columns; helpers that all readers share."""

import difflib
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.config.settings import InputSettings
from segmentation.errors import InputError, java_message
from segmentation.filesystem import HIDDEN_IS_NO_DATA, StoredFile, filesystem_for, is_hidden, readable_path
from segmentation.redaction import MASK, without_secrets

logger = logging.getLogger(__name__)

# Enough for any header line, and for a first look at the keys of JSON lines.
HEAD_BYTES = 65_536
# Of a larger folder, only these are searched for a name like a misspelt one.
MOST_NAMES_COMPARED = 1_000
# No column's name is as long; more may be lines that a wrong delimiter or quote made part of the header.
LONGEST_NAME_SHOWN = 100
MOST_NAMES_SHOWN = 20
LOCAL = "file:/"
ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xlsx",
}
UNREADABLE = re.compile(r"\[FAILED_READ_FILE[^\]]*\][^\n]*? file (?P<path>\S+?)\.(\s|$)")


@dataclass(frozen=True)
class InputFile:
    """A file of the input: its path as a person writes it, its format, and its first bytes, unpacked."""

    path: str
    stored: StoredFile
    kind: str
    head: bytes


def find_input(spark: SparkSession, paths: Sequence[str], settings: InputSettings) -> list[InputFile]:
    """Return every file at the given paths, directories and globs once, sorted by path.

    Empty files are left out with a warning.

    Raises: InputError for a path without a file, a name that Spark skips, a file of no known format, and an input
        without a line.
    """
    stored_files: dict[str, StoredFile] = {}
    for path in paths:
        matches = _find(spark, path)
        if not matches:
            raise missing_path_error(path, _sibling_names(spark, path))
        stored_files |= {file.path: file for file in matches}
    files = [_recognise(spark, file, settings) for _, file in sorted(stored_files.items())]
    filled = [file for file in files if file.head]
    if not filled:
        raise InputError(f"{', '.join(file.path for file in files[:3])}: empty, there are no lines to read")
    for file in files:
        if not file.head:
            logger.warning("%s is empty and was skipped", file.path)
    seen: dict[tuple[int, bytes], str] = {}
    for file in filled:
        first = seen.setdefault((file.stored.size, file.head), file.path)
        if first != file.path:
            logger.warning("%s seems to be a copy of %s: the same size and beginning", file.path, first)
    return filled


def missing_path_error(path: str, names: Sequence[str]) -> InputError:
    """Return the error for a path without a file, with the nearest of the names in its folder."""
    near = difflib.get_close_matches(Path(path).name, [name for name in names if not is_hidden(name)], n=1)
    hint = f": did you mean {path.removesuffix(Path(path).name) + near[0]!r}?" if near else ""
    return InputError(f"{path}: nothing is there to read{hint or ': check the path, or the rights to it'}")


def is_stopped(spark: SparkSession) -> bool:
    """Return whether Spark has ended or is ending, so that no file is to blame for a failure."""
    try:
        return spark.sparkContext._jsc is None or bool(spark.sparkContext._jsc.sc().isStopped())
    except Exception:  # noqa: BLE001 - Java has ended too, which py4j raises in many ways
        return True


def path_in_read_error(error: Exception) -> str | None:
    """Return the path of the file that Spark says it could not read, as a person writes it."""
    match = UNREADABLE.search(str(getattr(error, "java_exception", None) or error))
    if not match:
        return None
    path = readable_path(unquote(match["path"]))
    return "/" + path.lstrip("/") if path.startswith("//") else path


def utf_16_without_mark(head: bytes) -> str | None:
    """Return the encoding where every other byte at the beginning is NUL, as of Latin letters in UTF-16."""
    first, second = head[:64:2], head[1:64:2]
    if all(first) and not any(second):
        return "UTF-16LE" if second else None
    return "UTF-16BE" if all(second) and not any(first) else None


def source_file() -> Column:
    """Return the path of the file a row was read from, as a person writes it, without the password of a URI."""
    encoded = F.col("_metadata.file_path")
    local = F.regexp_replace(encoded, "^file:/+", "/")
    masked = F.regexp_replace(local, "^([a-z0-9+.-]+://)[^/@]*:[^/@]*@", f"$1{MASK}@")
    decoded = F.try_url_decode(F.replace(masked, F.lit("+"), F.lit("%2B")))
    # Computed for every line, and most paths only need to lose their scheme.
    is_local = F.startswith(encoded, F.lit(LOCAL)) & ~F.startswith(encoded, F.lit(f"{LOCAL}/"))
    is_plain = is_local & ~F.contains(encoded, F.lit("%"))
    return F.when(is_plain, F.expr(f"TRIM(LEADING '{LOCAL.rstrip('/')}' FROM _metadata.file_path)")).otherwise(decoded)


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def glob_escaped(path: str) -> str:
    """Escape the characters of a path that Spark's file sources would expand."""
    return "".join(f"\\{character}" if character in "{}[]*?\\" else character for character in path)


def kind_of(head: bytes, path: str) -> str:
    """Return a file's format, judged by its first bytes, and where these are only text by its name's ending.

    Raises: InputError for a format that is not known, and for gzip that the name does not show.
    """
    if head.startswith(b"PAR1"):
        return "parquet"
    by_name = next((ENDINGS[suffix] for suffix in reversed(Path(path).suffixes) if suffix in ENDINGS), None)
    # Any other archive is a zip to unpack first, not a workbook.
    names_a_workbook = by_name == "xlsx" or b"[Content_Types].xml" in head or b"xl/" in head
    is_workbook = head.startswith(b"PK\x03\x04") and names_a_workbook
    if is_workbook or head.startswith(b"\xd0\xcf\x11\xe0"):
        return "xlsx"
    if head.startswith(b"\x1f\x8b"):
        raise InputError(f"{path}: is compressed with gzip, but its name does not say so: rename it to end in .gz")
    is_wide = head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")) or utf_16_without_mark(head) is not None
    # A stray NUL below the header of a text file is a character like any other.
    is_text = is_wide or b"\0" not in (head.partition(b"\n")[0] if by_name in ("csv", "json") else head)
    if by_name in ("parquet", "xlsx") or not is_text:
        known = "CSV, Parquet, JSON lines, XLSX, and text compressed with gzip"
        claim = f", though its name says {by_name}" if by_name else ""
        raise InputError(f"{path}: unknown format{claim}: known are {known}")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[{")) and by_name != "csv":
        return "json"
    return by_name or "csv"


def locate_columns(header: Sequence[str], columns: Mapping[str, str], path: str) -> dict[str, int]:
    """Return for each field the position of its column in a header.

    `columns` maps our field names to the column names that the header should hold; `path` names the file and sheet.

    Raises: InputError that lists every missing column with the nearest name, and every doubled one. A header without
        any of the columns may be a line of data, so only its number of fields is shown.
    """
    names = [name.strip() for name in header]
    is_header = _is_header(names, columns.values())
    problems = []
    for field, column in columns.items():
        if column not in names:
            problems.append(f"column {column!r} (for {field}) is missing{_hint(column, names if is_header else ())}")
        elif names.count(column) > 1:
            problems.append(f"column {column!r} (for {field}) is there {names.count(column)} times")
    if problems:
        shown = shortened_names(names) if is_header else f"{len(names):,} fields, none of them named like a column"
        remedy = "Correct the header" if is_header else "Put a header above the lines"
        optional = [field for field, column in columns.items() if field in s.MISSING_FIELDS and column not in names]
        may_lack = f"; {', '.join(optional)} may be left out there" if optional and is_header else ""
        raise InputError(
            f"{path}: {'; '.join(problems)}. Found: {shown}. "
            f"{remedy}, or name the columns under input.columns in the configuration{may_lack}"
        )
    return {field: names.index(column) for field, column in columns.items()}


def shortened_names(names: Sequence[str]) -> str:
    """Return the first names of a header for a message, each cut to a length, and without bare numbers."""
    shown = [name[:LONGEST_NAME_SHOWN] for name in names if any(map(str.isalpha, name))][:MOST_NAMES_SHOWN]
    more = f" and {len(names) - len(shown):,} more" if len(shown) < len(names) else ""
    return ", ".join(shown) + more


def nearest_name(column: str, names: Sequence[str]) -> str | None:
    """Return the name most like a column's, ignoring case, spaces and underscores; None where none is like it."""
    by_plain = {_plain(name): name for name in names}
    near = difflib.get_close_matches(_plain(column), by_plain, n=1, cutoff=0.5)
    return by_plain[near[0]] if near else None


def _find(spark: SparkSession, path: str) -> list[StoredFile]:
    try:
        matches = filesystem_for(spark, path).find(path)
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
    return visible


def _sibling_names(spark: SparkSession, path: str) -> list[str]:
    """Return the names in the folder of a path; none where it cannot be listed."""
    folder = path.removesuffix(Path(path).name)
    try:
        return filesystem_for(spark, folder or ".").names_in(folder or ".")[:MOST_NAMES_COMPARED]
    except Exception:  # noqa: BLE001 - py4j hands on every Java exception as its own kind; this is only for a hint
        return []


def _recognise(spark: SparkSession, stored: StoredFile, settings: InputSettings) -> InputFile:
    path = without_secrets(readable_path(stored.path))
    try:
        head = filesystem_for(spark, stored.path).head(stored.path, HEAD_BYTES) if stored.size else b""
    except OSError as error:
        if is_stopped(spark):
            raise
        raise InputError(f"{path}: cannot be opened or unpacked: {error}") from None
    kind = "csv" if not head else settings.format if settings.format != "auto" else kind_of(head, path)
    return InputFile(path, stored, kind, head)


def _is_header(names: Sequence[str], columns: Collection[str]) -> bool:
    """Return whether a name is one of the columns, or holds two of them, as with the wrong delimiter."""
    plain = {_plain(column) for column in columns}
    return any(_plain(name) in plain or sum(column in _plain(name) for column in plain) > 1 for name in names)


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _hint(column: str, names: Sequence[str]) -> str:
    name = nearest_name(column, names)
    return f", the nearest is {name[:LONGEST_NAME_SHOWN]!r}" if name is not None else ""
