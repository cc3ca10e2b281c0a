"""Files of this machine → their columns' names and some values of each, looked at before Spark starts.

For a guess: what is taken here is a bounded part of a file, and none of it is judged. The readers proper then read all.
"""
# TODO-DOC guess.values: What the values of a sample ask of a configuration beside the columns and dates, and
# why.

import bz2
import csv
import glob
import gzip
import json
import re
import shlex
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from segmentation import schemas as s
from segmentation.config.files import flow
from segmentation.config.settings import CleaningSettings, CsvSettings
from segmentation.errors import ConfigError, InputError
from segmentation.filesystem import StoredFile, is_hidden
from segmentation.guess.columns import normal, words_of
from segmentation.ingest.csv_files import DELIMITERS, detect_encoding, split_header, text_lines
from segmentation.ingest.files import HEAD_BYTES, MOST_NAMES_COMPARED, InputFile, kind_of, missing_path_error
from segmentation.ingest.json_files import head_keys, is_json_array
from segmentation.ingest.xlsx import first_rows
from segmentation.redaction import without_secrets

# So many lines from the top of a file, and so many from each of some other places in it: files are often sorted by
# date, and the first thousand lines may all be of one day.
LINES_OF_HEAD, LINES_OF_PLACE, PLACES = 1_000, 200, 16
# How far a packed file is unpacked for it.
UNPACKED_AT_MOST = 64_000_000
# Of so many files values are taken; of all others the columns alone.
FILES_WITH_VALUES = 16
UNPACKING: Mapping[str, Callable[[Path], IO[bytes]]] = {".gz": gzip.open, ".bz2": bz2.open}  # type: ignore[dict-item]
# What may stand between fields beside the usual delimiters.
UNUSUAL_DELIMITER = re.compile(r"[^\w\s\"'.()/-]")

Values = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Sample:
    """A file, or a sheet of a workbook: its columns' names, and the values of those asked for, one a line in each.

    `delimited` tells for each possible delimiter which names it makes of the header; for text files alone.
    """

    path: str
    kind: str
    names: Sequence[str]
    values: Callable[[Collection[str]], Values]
    delimited: Mapping[str, Sequence[str]]


def samples_of(
    paths: Sequence[str], settings: CsvSettings, wanted_kind: str, sheets: Sequence[str] | None
) -> list[Sample]:
    """A sample of every file at the paths, directories and globs, in the order of their paths.

    Raises InputError for a path where nothing is and for what cannot be looked into, ConfigError for another machine's.
    """
    found = sorted({file for path in paths for file in _files_at(path)})
    samples: list[Sample] = []
    for file in found:
        place = without_secrets(str(file))
        blocks = _blocks(file, place, PLACES if len(samples) < FILES_WITH_VALUES else 0)
        if not blocks or not blocks[0]:
            continue
        kind = kind_of(blocks[0], place) if wanted_kind == "auto" else wanted_kind
        if kind == "csv":
            samples.append(_of_text(blocks, place, settings))
        elif kind == "json":
            samples.append(_of_json(blocks, place))
        elif kind == "parquet":
            samples.append(_of_parquet(file, place))
        else:
            samples += _of_workbook(file, place, sheets)
    if not samples:
        raise InputError(f"{', '.join(paths[:3])}: empty, there are no lines to read")
    return samples


def _files_at(path: str) -> list[Path]:
    if "://" in path and not path.startswith("file://"):
        raise ConfigError(
            f"--input {without_secrets(path)}: columns are guessed only of files on this machine: give --config FILE, "
            "which --write-config FILE makes of a small part of the data that is copied here"
        )
    local = re.sub("^file:(//)?", "", path)
    found = [Path(local)] if Path(local).exists() else [Path(one) for one in _matching(local)]
    if not found:
        beside = Path(local).parent
        names = sorted(one.name for one in beside.iterdir())[:MOST_NAMES_COMPARED] if beside.is_dir() else []
        raise missing_path_error(path, names)
    return [file for one in found for file in _files_below(one)]


def _matching(pattern: str) -> list[str]:
    """What matches a glob of Hadoop's, which are Python's and `{one,other}`."""
    braces = re.search(r"\{([^{}]*)\}", pattern)
    if not braces:
        return glob.glob(pattern)  # noqa: PTH207 - a pattern may be absolute
    choices = braces[1].split(",")
    return [path for one in choices for path in _matching(pattern[: braces.start()] + one + pattern[braces.end() :])]


def _files_below(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for inner in path.iterdir():
            if not is_hidden(inner.name):
                yield from _files_below(inner)
    else:
        yield path.absolute()


def _blocks(file: Path, place: str, places: int) -> list[bytes]:
    """The first bytes of a file, unpacked, and some from other places, each beginning with a whole line."""
    opened = UNPACKING.get(file.suffix)
    try:
        size = file.stat().st_size
        with opened(file) if opened and size else file.open("rb") as stream:
            blocks = [stream.read(HEAD_BYTES)]
            step = max(HEAD_BYTES, (UNPACKED_AT_MOST if opened else size) // (places + 1))
            for number in range(1, places + 1):
                stream.seek(number * step)
                block = stream.read(HEAD_BYTES)
                if not block:
                    break
                blocks.append(block.partition(b"\n")[2])
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{place}: cannot be opened or unpacked: {error}") from None
    return blocks


def _of_text(blocks: Sequence[bytes], place: str, settings: CsvSettings) -> Sample:
    encoding = detect_encoding(blocks[0], settings)
    head, *others = [text_lines(block, encoding, settings) for block in blocks]
    if not head:
        raise InputError(f"{place}: empty, there are no lines to read")
    unusual = dict.fromkeys(UNUSUAL_DELIMITER.findall(head[0]))
    delimiters = [*DELIMITERS, *unusual] if settings.delimiter == "auto" else [settings.delimiter]
    delimited = {delimiter: split_header(head, delimiter) for delimiter in delimiters}

    def values(columns: Collection[str]) -> Values:
        # A block of a file in characters of two bytes may begin in the middle of one.
        parts = [head[1 : LINES_OF_HEAD + 1], *[part[:LINES_OF_PLACE] for part in others if "16" not in encoding]]
        delimiter = next(one for one in delimiters if set(columns) <= set(delimited[one]))
        names = delimited[delimiter]
        rows = [row for part in parts for row in _rows(part, delimiter) if len(row) == len(names)]
        return {column: [row[names.index(column)] for row in rows] for column in columns}

    return Sample(place, "csv", delimited[delimiters[0]], values, delimited)


def _rows(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    rows = []
    with suppress(csv.Error):  # a quote that ends in the next part
        rows += list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    return rows


def _of_json(blocks: Sequence[bytes], place: str) -> Sample:
    file = InputFile(place, StoredFile(place, 0, 0), "json", blocks[0])
    is_array = is_json_array(file)
    names = [name.strip() for name in head_keys(file)]

    def values(columns: Collection[str]) -> Values:
        found: dict[str, list[str]] = {column: [] for column in columns}
        for number, block in enumerate(blocks[:1] if is_array else blocks):
            for one in _objects(block.decode("utf-8-sig", "replace"), LINES_OF_PLACE if number else LINES_OF_HEAD):
                written = {key.strip(): value for key, value in one.items() if isinstance(value, str)}
                for column in columns:
                    found[column].append(written.get(column, ""))
        return found

    return Sample(place, "json", names, values, {})


def _objects(text: str, most: int) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
    position = text.find("{")
    while position >= 0 and most:
        try:
            found, end = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError):
            return  # cut off by the end of the block
        yield found
        most -= 1
        position = text.find("{", end)


def _of_parquet(file: Path, place: str) -> Sample:
    try:
        names = pq.read_schema(file).names
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{place}: is not a whole Parquet file: {reason}") from None

    def values(columns: Collection[str]) -> Values:
        found: dict[str, list[str]] = {column: [] for column in columns}
        with suppress(pa.ArrowException, OSError), pq.ParquetFile(file) as opened:
            groups = range(0, opened.num_row_groups, max(1, opened.num_row_groups // PLACES))
            for group in groups:
                batch = next(opened.iter_batches(LINES_OF_HEAD, [group], list(columns)), None)
                if batch is None:
                    continue
                for column in columns:
                    found[column] += [_written(value) for value in batch.column(column).to_pylist()]
        return found

    return Sample(place, "parquet", names, values, {})


def _of_workbook(file: Path, place: str, sheets: Sequence[str] | None) -> list[Sample]:
    """A sample of each sheet that is not hidden, or of those named."""
    return [_of_sheet(cells, of_sheet) for of_sheet, cells in first_rows(file, place, sheets, LINES_OF_HEAD).items()]


def _of_sheet(cells: Sequence[Sequence[str | None]], place: str) -> Sample:
    names = [(column[0] or "").strip() for column in cells]

    def values(columns: Collection[str]) -> Values:
        return {column: [cell or "" for cell in cells[names.index(column)][1:]] for column in columns}

    return Sample(place, "xlsx", names, values, {})


def _written(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


# The share of invoices or stock codes that must be written as the rule has it for the rule to be taken.
MOSTLY = 0.9
SALE, GOODS, ANY = "^[0-9]", "^[0-9]{5}", "^."
CANCELLATION_RULE = "cancellation"
CURRENCIES = {"gbp": "£", "usd": "$", "eur": "€", "chf": "CHF ", "inr": "₹"}
# What stands for no customer in a column of that name: WooCommerce's guests.
NO_CUSTOMER = {"customeruserid": "0"}
MOST_BEGINNINGS = 3
# A line without one of these is malformed. Up to that share of them is told after the run alone, as usable.py does.
NEEDED = (s.INVOICE_NO, s.STOCK_CODE)
BLANK_SHARE_TOLD = 0.10


@dataclass(frozen=True)
class Finding:
    """A key of the configuration, the value that is asked for and why; what to set where that is wrong, if a reader
    can tell.
    """

    key: str
    value: Any
    why: str
    instead: Any = None

    @property
    def told(self) -> list[str]:
        """In lines for a person."""
        lines = [f"  {self.key}: {flow(self.value)} ({self.why})"]
        if self.instead is not None:
            lines.append(f"    wrong? --set {shlex.quote(f'{self.key}={flow(self.instead)}')}")
        return lines


def findings_of(
    samples: Sequence[Sample], columns: Mapping[str, str], values: Values, asked: CleaningSettings
) -> list[Finding]:
    """What is not as usual, or worth a look; `asked` says what is set for the cleaning already."""
    found = [
        *_invoices(samples, columns, values[s.INVOICE_NO], tuple(map(str.upper, asked.cancellation_prefixes))),
        *_customers(columns[s.CUSTOMER_ID], values[s.CUSTOMER_ID], asked.missing_customer_ids),
    ]
    if share(GOODS, values[s.STOCK_CODE]) < MOSTLY:
        why = "stock codes do not all begin with five digits: all are goods"
        found.append(Finding("rollups.merchandise_pattern", ANY, why))
    currency = next((CURRENCIES[word] for word in words_of(columns[s.UNIT_PRICE]) if word in CURRENCIES), None)
    if currency:
        found.append(Finding("charts.currency", currency, f"from the name of {columns[s.UNIT_PRICE]!r}"))
    delimiter = _unusual_delimiter(samples, columns)
    if delimiter:
        found.append(Finding("input.csv.delimiter", delimiter, "of the header"))
    return found


def blanks_of(samples: Sequence[Sample], columns: Mapping[str, str]) -> list[str]:
    """In lines for a person, which of the columns that a line must have a value in are often blank."""
    lines = [line for sample in samples[:FILES_WITH_VALUES] for line in _lines(sample, columns)]
    blank = {field: sum(not line[field] for line in lines) for field in NEEDED}
    return [
        f"  caution: {count:,} of {len(lines):,} lines looked at have no {field} in {columns[field]!r}: such lines are "
        "malformed and count nowhere. Is it another column, or is it written in an order's first line alone?"
        for field, count in blank.items()
        if count > BLANK_SHARE_TOLD * len(lines)
    ]


def share(pattern: str, values: Sequence[str]) -> float:
    """How many of the values begin in such a way, as a share of one: of none, all."""
    return sum(bool(re.match(pattern, value)) for value in values) / len(values) if values else 1.0


def _lines(sample: Sample, columns: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """The values of each line by field; lines of a workbook without any are none."""
    taken = sample.values(list(columns.values()))
    for values in zip(*(taken[column] for column in columns.values()), strict=True):
        line = {field: value.strip() for field, value in zip(columns, values, strict=True)}
        if any(line.values()):
            yield line


def _invoices(
    samples: Sequence[Sample], columns: Mapping[str, str], values: Sequence[str], prefixes: tuple[str, ...]
) -> Iterator[Finding]:
    """Which invoices are sales, and whether any is a cancellation, which begin with the prefixes."""
    invoices = [value for value in values if not value.upper().startswith(prefixes)]
    others = {value for value in invoices if not re.match(SALE, value)}
    key = "cleaning.sale_invoice_pattern"
    if share(SALE, invoices) < MOSTLY:
        yield Finding(key, ANY, "invoices begin with letters too: each is a sale")
    elif others:
        why = (
            f"{len(others):,} of {len(set(invoices)):,} invoices looked at begin otherwise, with "
            f"{_beginnings(others)}: they are adjustments, no sales"
        )
        yield Finding(key, SALE, why, instead=ANY)
    if _is_no_cancellation(samples, columns, prefixes):
        why = f"invoices that begin with {' or '.join(prefixes)} sell like others: none is a cancellation"
        yield Finding("cleaning.switched_off", [CANCELLATION_RULE], why)


def _beginnings(invoices: set[str]) -> str:
    """The first characters of the invoices, of which there may be many."""
    first = sorted({invoice[0] for invoice in invoices})
    more = " and others" if len(first) > MOST_BEGINNINGS else ""
    return ", ".join(first[:MOST_BEGINNINGS]) + more


def _is_no_cancellation(samples: Sequence[Sample], columns: Mapping[str, str], prefixes: tuple[str, ...]) -> bool:
    """Whether invoices begin with a prefix, and on none of them a quantity is below zero."""
    begin_so = False
    for sample in samples[:FILES_WITH_VALUES]:
        taken = sample.values([columns[s.INVOICE_NO], columns[s.QUANTITY]])
        for invoice, quantity in zip(taken[columns[s.INVOICE_NO]], taken[columns[s.QUANTITY]], strict=False):
            if invoice.strip().upper().startswith(prefixes):
                begin_so = True
                if quantity.strip().startswith("-"):
                    return False
    return begin_so


def _customers(column: str, values: Sequence[str], missing: Sequence[str]) -> Iterator[Finding]:
    """What means no customer in the column, beside what does anyway."""
    nobody = NO_CUSTOMER.get(normal(column))
    if nobody is not None and nobody in values and nobody not in missing:
        why = f"{nobody} in {column!r} is a guest"
        yield Finding("cleaning.missing_customer_ids", [*missing, nobody], why)


def _unusual_delimiter(samples: Sequence[Sample], columns: Mapping[str, str]) -> str | None:
    wanted = set(columns.values())
    for sample in samples:
        fitting = [delimiter for delimiter, names in sample.delimited.items() if wanted <= set(names)]
        if fitting and not set(fitting) & set(DELIMITERS):
            return fitting[0]
    return None
