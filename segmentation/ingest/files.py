"""What an input file is; recognise its format and locate its columns; helpers that all readers share."""

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.errors import InputError, counted
from segmentation.filesystem import StoredFile, is_hidden, readable_path
from segmentation.filesystem.local import UTF_8_REMEDY
from segmentation.ingest.aliases import column_behind_alias, path_behind_alias
from segmentation.ingest.formats import foreign_format
from segmentation.redaction import MASK

# Enough for any header line, and for a first look at the keys of JSON lines.
HEAD_BYTES = 65_536
# The names of thousands of columns, or a broken object, may be longer than the head of a file.
LONGEST_FIRST_LINE = 64 * HEAD_BYTES
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
JSON_BEGINS = re.compile(rb"(\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*(\[\s*)?\{")
# What Hive and Spark write as the folder's value of lines without one.
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
# What becomes of a letter of several bytes where Java takes each byte for a character.
LOST_LETTERS = re.compile(r"\?\?|\ufffd")
UNREADABLE = re.compile(r"\[FAILED_READ_FILE[^\]]*\][^\n]*? file (?P<path>\S+?)\.(\s|$)")


@dataclass(frozen=True)
class Header:
    """The columns of a file, and how it is written: files of an equal header are read together.

    `names` are the file's own columns, of a workbook none. `form` is what else a reader goes by, each in its way: a
    `CsvForm` or `JsonForm`, the schema in the footer of Parquet.

    `folders` are the folders above it that are named like `country=France`: the column, and the folder's number in the
    path, counted from the file, which is 1.
    """

    names: tuple[str, ...] = ()
    form: tuple[Any, ...] = ()
    folders: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class InputFile:
    """A file of the input: its path as a person writes it, its format, and what its beginning or footer says.

    Where Spark opens it under another name, `stored` has that name, and `listed` the path that it was found at.
    """

    path: str
    stored: StoredFile
    kind: str
    header: Header = Header()
    listed: str = ""

    @property
    def as_listed(self) -> StoredFile:
        """The file under the path that it was found at, whatever Spark opens."""
        return replace(self.stored, path=self.listed or self.stored.path)


def by_header(files: Iterable[InputFile]) -> dict[Header, list[InputFile]]:
    """Group files by their headers, the groups and the files of each in the order of the files."""
    groups: defaultdict[Header, list[InputFile]] = defaultdict(list)
    for file in files:
        groups[file.header].append(file)
    return groups


def folder_columns(path: str) -> dict[str, tuple[int, str | None]]:
    """Return the folders of a path that are named like `country=France`, by the name of the column.

    Each has its number in the path, counted from the file, which is 1, and its value, None for Hive's word for it. Of
    a name that is there twice the folder next to the file counts.

    >>> folder_columns("sales/Country=United%20Kingdom/day=__HIVE_DEFAULT_PARTITION__/part-0.csv")
    {'Country': (3, 'United Kingdom'), 'day': (2, None)}
    """
    folders = path.split("/")[:-1]
    columns = {}
    for number, folder in enumerate(folders):
        name, is_column, value = folder.partition("=")
        if name and is_column:
            columns[unquote(name)] = (len(folders) - number + 1, None if value == HIVE_NULL else unquote(value))
    return columns


def folder_value(source_file: Column, number: int) -> Column:
    """Return the value of the folder with a number in the path of `folder_columns`."""
    folder = F.substring_index(F.substring_index(source_file, "/", -number), "/", 1)
    written = F.substr(folder, F.instr(folder, "=") + 1)
    # As Hive, leave a percent sign that begins no code of a character, and a plus.
    encoded = F.regexp_replace(F.replace(written, F.lit("+"), F.lit("%2B")), "%(?![0-9A-Fa-f]{2})", "%25")
    value = F.when(F.contains(written, F.lit("%")), F.try_url_decode(encoded)).otherwise(written)
    return F.nullif(value, F.lit(HIVE_NULL))


def missing_path_error(path: str, names: Sequence[str]) -> InputError:
    """Return the error for a path without a file, with the nearest of the names in its folder."""
    name = Path(path).name
    if name in names:
        return InputError(f"{path}: nothing is there to read: the folder has no files, or only hidden ones")
    if any(_composed(other) == _composed(name) for other in names):
        hint = "a name that looks the same is there, with its accents written otherwise: name it by a glob, with ? or *"
        return InputError(f"{path}: nothing is there to read: {hint}")
    near = difflib.get_close_matches(name, [other for other in names if not is_hidden(other)], n=1)
    hint = f"did you mean {path.removesuffix(name) + near[0]!r}?" if near else "check the path, or the rights to it"
    if LOST_LETTERS.search(path):
        hint = f"letters of the path seem to be lost. {UTF_8_REMEDY}"
    return InputError(f"{path}: nothing is there to read: {hint}")


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
    return path_behind_alias("/" + path.lstrip("/") if path.startswith("//") else path)


def utf_16_without_mark(head: bytes) -> str | None:
    """Return the encoding where nearly every other byte at the beginning is NUL, as of Latin letters in UTF-16."""
    first, second = head[:64:2], head[1:64:2]
    if all(first) and 3 * second.count(0) > 2 * len(second):
        return "UTF-16LE"
    return "UTF-16BE" if all(second) and 3 * first.count(0) > 2 * len(first) and second else None


def source_file() -> Column:
    """Return the path of the file a row was read from, as a person writes it, without the password of a URI."""
    encoded = F.col("_metadata.file_path")
    local = F.regexp_replace(encoded, "^file:/+", "/")
    masked = F.regexp_replace(local, "^([a-z0-9+.-]+://)[^/@]*:[^/@]*@", f"$1{MASK}@")
    decoded = column_behind_alias(F.try_url_decode(F.replace(masked, F.lit("+"), F.lit("%2B"))))
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

    Raises: InputError for a format that is not known, and for gzip that the name does not show or that is packed twice.
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
        if Path(path).suffix == ".gz":
            raise InputError(f"{path}: is compressed with gzip twice: unpack it once (gunzip)")
        raise InputError(f"{path}: is compressed with gzip, but its name does not say so: rename it to end in .gz")
    foreign = foreign_format(head)
    if foreign:
        raise InputError(f"{path}: {foreign}")
    is_wide = head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")) or utf_16_without_mark(head) is not None
    # A stray NUL below the header of a text file is a character like any other.
    is_text = is_wide or b"\0" not in (head.partition(b"\n")[0] if by_name in ("csv", "json") else head)
    if by_name in ("parquet", "xlsx") or not is_text:
        known = "CSV, Parquet, JSON lines, XLSX, and text compressed with gzip"
        claim = f", though its name says {by_name}" if by_name else ""
        raise InputError(f"{path}: unknown format{claim}: known are {known}")
    beginning = head[:200].replace(b"\0", b"") if is_wide else head
    if JSON_BEGINS.match(beginning) and by_name != "csv":
        return "json"
    return by_name or "csv"


def locate_columns(
    header: Sequence[str], columns: Mapping[str, str], path: str, folders: Sequence[str] = ()
) -> dict[str, int]:
    """Return for each field the position of its column in a header.

    `columns` maps our field names to the column names that the header should hold; `path` names the file and sheet.
    `folders` are further columns, whose positions follow those of the header.

    Raises: InputError that lists every missing column with the nearest name, and every doubled one. A header without
        any of the columns may be a line of data, so only its number of fields is shown.
    """
    own = [name.strip() for name in header]
    is_header = _is_header(own, columns.values())
    names = [*own, *folders]
    problems = []
    for field, column in columns.items():
        if column not in names:
            problems.append(
                f"column {column!r} (for {field}) is missing{_hint(column, names if is_header else folders)}"
            )
        elif names.count(column) > 1:
            problems.append(f"column {column!r} (for {field}) is there {names.count(column)} times")
    if problems:
        shown = shortened_names(names) if is_header else f"{len(own):,} fields, none of them named like a column"
        remedy = "Correct the header" if is_header else "Put a header above the lines"
        optional = [field for field, column in columns.items() if field in s.MISSING_FIELDS and column not in names]
        may_lack = f"; {', '.join(optional)} may be left out there" if optional and is_header else ""
        raise InputError(
            f"{path}: {'; '.join(problems)}. Found: {shown}. "
            f"{remedy}, or name the columns under input.columns in the configuration{may_lack}"
        )
    return {field: names.index(column) for field, column in columns.items()}


def locate_with_folders(
    names: Sequence[str], columns: Mapping[str, str], file: InputFile
) -> tuple[dict[str, int], dict[str, int]]:
    """Return for each field the position of its column in a file's names, and for all others the number of a folder.

    A folder gives the value of a column that the file does not have.

    Raises: InputError as `locate_columns`.
    """
    own = {name.strip() for name in names}
    folders = {name: number for name, number in file.header.folders if name not in own}
    located = locate_columns(names, columns, file.path, list(folders))
    of_file = {field: position for field, position in located.items() if position < len(names)}
    return of_file, {field: folders[columns[field]] for field in located if field not in of_file}


def shortened_names(names: Sequence[str]) -> str:
    """Return the first names of a header for a message, each cut to a length, and without bare numbers."""
    shown = [name[:LONGEST_NAME_SHOWN] for name in names if any(map(str.isalpha, name))][:MOST_NAMES_SHOWN]
    more = f" and {len(names) - len(shown):,} more" if len(shown) < len(names) else ""
    return ", ".join(shown) + more


def and_more(path: str, count: int) -> str:
    """Return the path of the first of so many files, and how many more there are."""
    return f"{path} and {counted(count - 1, 'more file')}" if count > 1 else path


def _composed(name: str) -> str:
    """Return a name with each accent and its letter as one character: macOS writes them as two."""
    return unicodedata.normalize("NFC", name)


def nearest_name(column: str, names: Sequence[str]) -> str | None:
    """Return the name most like a column's, ignoring case, spaces and underscores; None where none is like it."""
    by_plain = {_plain(name): name for name in names}
    near = difflib.get_close_matches(_plain(column), by_plain, n=1, cutoff=0.5)
    return by_plain[near[0]] if near else None


def _is_header(names: Sequence[str], columns: Collection[str]) -> bool:
    """Return whether a name is one of the columns, or holds two of them, as with the wrong delimiter."""
    plain = {_plain(column) for column in columns}
    return any(_plain(name) in plain or sum(column in _plain(name) for column in plain) > 1 for name in names)


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _hint(column: str, names: Sequence[str]) -> str:
    name = nearest_name(column, names)
    return f", the nearest is {name[:LONGEST_NAME_SHOWN]!r}" if name is not None else ""
