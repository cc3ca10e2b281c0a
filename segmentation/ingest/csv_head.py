"""Look at the beginning of a CSV file: its encoding, where the header is, and how fields are separated and quoted."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from segmentation.config.settings import CsvSettings
from segmentation.errors import InputError
from segmentation.ingest.csv_form import (
    DELIMITERS,
    IN_QUOTES_AS_A_WHOLE,
    LINES_EXAMINED,
    QUOTE,
    CsvForm,
    with_quoting,
    with_width,
)
from segmentation.ingest.files import HEAD_BYTES, utf_16_without_mark

# Byte order marks, the longer first: that of UTF-32 begins with one of UTF-16.
BYTE_ORDER_MARKS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
# What windows-1252 shows where ISO-8859-1 has control characters; five bytes have no meaning in either.
C1_CONTROLS = "".join(chr(code) for code in range(0x80, 0xA0) if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
WINDOWS_1252 = C1_CONTROLS.encode("iso-8859-1").decode("windows-1252")
LINE_END = r"\r\n|\r|\n"
# Excel's own first line, which names the delimiter.
DELIMITER_LINE = re.compile(r"\"?sep=(.?)\"?[,;|\t]*", re.IGNORECASE)
# A report's title, shop, period and remarks are fewer lines.
HEADER_IS_SOUGHT_IN_LINES = 30
REMARK = "#"
SPACE_BEFORE_QUOTE = re.compile(rb"[,;|\t\n] +\"[^\",;|\t\r\n]")
NUMBER = re.compile(r"[-+]?[\d.,]*\d")


@dataclass(frozen=True)
class Wanted:
    """What makes a line the header: how many columns are among its names, and whether these are enough."""

    count: Callable[[Sequence[str]], int]
    is_enough: Callable[[Sequence[str]], bool]


@dataclass(frozen=True)
class CsvHead:
    """The names in the header, how the file is written, and the first lines below the header."""

    names: tuple[str, ...]
    form: CsvForm
    lines: Sequence[str] = field(default=(), repr=False)


def csv_header(head: bytes, path: str, columns: Iterable[str], settings: CsvSettings) -> CsvHead:
    """Return what the head of a file says, where the header has the given columns, or most of them.

    Raises: InputError as `look_at_head`.
    """
    known = set(columns)
    return look_at_head(head, path, settings, Wanted(lambda names: len(known.intersection(names)), known.issubset))


def look_at_head(
    head: bytes, path: str, settings: CsvSettings, wanted: Wanted, lines_at_most: int = LINES_EXAMINED
) -> CsvHead:
    """Return what the head of a file says.

    The header is the first line that is not blank, or a later one with more of the wanted columns.

    Raises: InputError for a file of blank lines, data above the header, lines of which none has the header's width.
    """
    encoding = detect_encoding(head, settings)
    may_be_unusual = b"\\" in head or SPACE_BEFORE_QUOTE.search(head) is not None
    most = None if may_be_unusual else HEADER_IS_SOUGHT_IN_LINES + lines_at_most
    lines = list(islice(_all_lines(head, encoding, settings), most))
    filled = [number for number, line in enumerate(lines) if line.strip()]
    delimiters = DELIMITERS if settings.delimiter == "auto" else (settings.delimiter,)
    if filled and (named := DELIMITER_LINE.fullmatch(lines[filled[0]].strip(" "))):
        delimiters = (named[1],) if settings.delimiter == "auto" and named[1] else delimiters
        filled.pop(0)
    if not filled:
        raise InputError(f"{path}: empty, there are no lines to read")
    at, delimiter, names = _find_header(lines, filled, delimiters, wanted)
    _require_delimiter(lines[at], path, names, wanted)
    above = [line.strip() for line in lines[:at] if line]
    _require_no_data(above, delimiter, names, path, at)
    if above:
        above.append(lines[at].strip())
    below = [number for number in filled if number > at]
    if len(head) >= HEAD_BYTES and len(below) > 1 and below[-1] == len(lines) - 1:
        below.pop()  # it is cut off
    body = [lines[number] for number in below]
    form = with_quoting(
        CsvForm(encoding, delimiter, len(names), above=tuple(above), header_line=at + 1), body, settings.escape
    )
    fitting, form = with_width(form, names, body, path, below)
    return CsvHead(tuple(fitting), form, body)


def detect_encoding(head: bytes, settings: CsvSettings) -> str:
    """Return the encoding to decode a file with; "auto" decodes byte by byte, and the reader repairs each field."""
    for mark, name in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return name
    configured = {"auto": "ISO-8859-1", "utf-8": "UTF-8", "iso-8859-1": "ISO-8859-1"}[settings.encoding]
    return utf_16_without_mark(head) or configured


def text_lines(part: bytes, encoding: str, settings: CsvSettings) -> Iterator[str]:
    """Yield the lines of a part of a file as text, without the blank ones."""
    return (line for line in _all_lines(part, encoding, settings) if line.strip())


def split_header(lines: Sequence[str], delimiter: str) -> list[str]:
    """Return the names in the first of the lines, split at the delimiter."""
    try:
        return [name.strip() for name in next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))]
    except (csv.Error, StopIteration):
        return []


def _all_lines(part: bytes, encoding: str, settings: CsvSettings) -> Iterator[str]:
    part = part.removeprefix(b"\xef\xbb\xbf")
    if encoding == "ISO-8859-1":
        may_be_utf_8 = settings.encoding == "auto"
        return (_decoded_line(line, may_be_utf_8) for line in part.splitlines())
    return iter(re.split(LINE_END, part.decode(encoding, "replace").removeprefix("\ufeff")))


def _decoded_line(line: bytes, may_be_utf_8: bool) -> str:
    """Decode a line of the head as the reader does a field, or where it cannot be UTF-8 as windows-1252."""
    if may_be_utf_8:
        with suppress(UnicodeDecodeError):
            return line.decode("utf-8")
    return line.decode("iso-8859-1").translate(str.maketrans(C1_CONTROLS, WINDOWS_1252))


def _find_header(
    lines: Sequence[str], filled: Sequence[int], delimiters: Sequence[str], wanted: Wanted
) -> tuple[int, str, list[str]]:
    """Return the number of the header's line, its delimiter and its names."""

    def split(number: int, delimiter: str) -> tuple[int, str, list[str]]:
        record = lines[number:] if QUOTE in lines[number] else lines[number : number + 1]
        return number, delimiter, split_header(record, delimiter)

    tops = [split(filled[0], delimiter) for delimiter in delimiters]
    first = max(tops, key=lambda top: (wanted.count(top[2]), len(top[2])))
    is_remark = lines[filled[0]].startswith(REMARK)
    if wanted.is_enough(first[2]) and not is_remark:
        return first
    below = [number for number in filled[1:HEADER_IS_SOUGHT_IN_LINES] if not lines[number].startswith(REMARK)]
    candidates = (split(number, delimiter) for number in below for delimiter in delimiters)
    best = max(candidates, key=lambda candidate: wanted.count(candidate[2]), default=first)
    least = max(wanted.count(first[2]) + (not is_remark), 2)
    return best if wanted.count(best[2]) >= least else first


def _require_delimiter(header: str, path: str, names: Sequence[str], wanted: Wanted) -> None:
    """Raise InputError where another delimiter than the one used gives the columns, or quotes hide the delimiters."""
    if wanted.count(names) > 1:
        return
    if (
        len(names) == 1
        and QUOTE in header
        and any(wanted.count(split_header(names, delimiter)) > 1 for delimiter in DELIMITERS)
    ):
        raise InputError(f"{path}: {IN_QUOTES_AS_A_WHOLE}")
    others = sorted({character for character in header if not character.isalnum() and character not in " _\"'-"})
    best = max(others, key=lambda other: wanted.count(split_header([header], other)), default="")
    if best and wanted.count(split_header([header], best)) > 1:
        shown = repr(best) if best.isprintable() else f'"\\u{ord(best):04x}"'
        raise InputError(f"{path}: its columns are separated by {shown}: set input.csv.delimiter to {shown}")


def _require_no_data(above: Sequence[str], delimiter: str, names: Sequence[str], path: str, at: int) -> None:
    """Raise InputError for a line above the header that may be data, as it fills all columns."""
    for record in above:
        fields = split_header([record], delimiter)
        if len(fields) == len(names) > 1 and all(fields) and any(map(NUMBER.fullmatch, fields)):
            raise InputError(
                f"{path}: the header is in line {at + 1}, and lines above it have as many fields: move the header "
                "to the top, or delete what is above it"
            )
