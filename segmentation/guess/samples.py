"""Sample local files before Spark starts: the columns' names, and some values of each.

A sample reads a bounded part of a file and validates nothing. The readers of `ingest` read all of it later.
"""

import bz2
import csv
import glob
import gzip
import json
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from segmentation.config.settings import CsvSettings
from segmentation.errors import ConfigError, InputError
from segmentation.filesystem import StoredFile, is_hidden
from segmentation.ingest.csv_files import DELIMITERS, detect_encoding, split_header, text_lines
from segmentation.ingest.files import HEAD_BYTES, MOST_NAMES_COMPARED, InputFile, kind_of, missing_path_error
from segmentation.ingest.json_files import head_keys, is_json_array
from segmentation.ingest.xlsx import first_rows
from segmentation.redaction import without_secrets

# Lines from the top of a file, and from each of some blocks further down: files are often sorted by date, and the
# first thousand lines may all be of one day.
LINES_OF_HEAD, LINES_OF_BLOCK, BLOCKS = 1_000, 200, 16
# Bytes of a compressed file that are decompressed for this.
UNPACKED_AT_MOST = 64_000_000
# Values are taken from this many files; from all others the columns' names alone.
FILES_WITH_VALUES = 16
OPENERS: Mapping[str, Callable[[Path], IO[bytes]]] = {".gz": gzip.open, ".bz2": bz2.open}  # type: ignore[dict-item]
# Characters other than the usual delimiters that may separate fields.
UNUSUAL_DELIMITER = re.compile(r"[^\w\s\"'.()/-]")

Values = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Sample:
    """A file or a sheet of a workbook: its columns' names, and a function that returns values of given columns.

    `values` returns lists of equal length, a value per line. `delimited` maps each possible delimiter of a text file
    to the names into which it splits the header.
    """

    path: str
    kind: str
    names: Sequence[str]
    values: Callable[[Collection[str]], Values]
    delimited: Mapping[str, Sequence[str]]


def samples_of(paths: Sequence[str], settings: CsvSettings, kind: str, sheets: Sequence[str] | None) -> list[Sample]:
    """Return a sample of every file at the paths, directories and globs, in the order of their paths.

    `kind` is that of the configuration, "auto" to recognise it. `sheets` are those of workbooks, None for all.

    Raises: InputError for a missing path or an unreadable file, ConfigError for a path of another machine.
    """
    samples: list[Sample] = []
    for file in sorted({file for path in paths for file in _files_at(path)}):
        name = without_secrets(str(file))
        blocks = _blocks(file, name, BLOCKS if len(samples) < FILES_WITH_VALUES else 0)
        if not blocks[0]:
            continue
        kind_of_file = kind_of(blocks[0], name) if kind == "auto" else kind
        if kind_of_file == "csv":
            samples.append(_sample_text(blocks, name, settings))
        elif kind_of_file == "json":
            samples.append(_sample_json(blocks, name))
        elif kind_of_file == "parquet":
            samples.append(_sample_parquet(file, name))
        else:
            sheets_of_file = first_rows(file, name, sheets, LINES_OF_HEAD)
            samples += [_sample_sheet(columns, sheet) for sheet, columns in sheets_of_file.items()]
    if not samples:
        raise InputError(f"{', '.join(paths[:3])}: empty, there are no lines to read")
    return samples


def _files_at(path: str) -> list[Path]:
    if "://" in path and not path.startswith("file://"):
        raise ConfigError(
            f"--input {without_secrets(path)}: columns are guessed only of files on this machine: give --config FILE. "
            "To get one, copy a small part of the data here and guess it with --write-config FILE"
        )
    local = re.sub("^file:(//)?", "", path)
    matches = [Path(local)] if Path(local).exists() else [Path(match) for match in _glob(local)]
    if not matches:
        folder = Path(local).parent
        names = sorted(file.name for file in folder.iterdir())[:MOST_NAMES_COMPARED] if folder.is_dir() else []
        raise missing_path_error(path, names)
    return [file for match in matches for file in _files_below(match)]


def _glob(pattern: str) -> list[str]:
    """Return what matches a glob of Hadoop: Python's, and `{alternative,other}`."""
    braces = re.search(r"\{([^{}]*)\}", pattern)
    if not braces:
        return glob.glob(pattern)  # noqa: PTH207 - a pattern may be absolute
    before, after = pattern[: braces.start()], pattern[braces.end() :]
    return [path for choice in braces[1].split(",") for path in _glob(before + choice + after)]


def _files_below(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for inner in path.iterdir():
            if not is_hidden(inner.name):
                yield from _files_below(inner)
    else:
        yield path.absolute()


def _blocks(file: Path, name: str, count: int) -> list[bytes]:
    """Return the first bytes of a file, decompressed, and up to `count` blocks further down that begin with a line."""
    opener = OPENERS.get(file.suffix)
    try:
        size = file.stat().st_size
        with opener(file) if opener and size else file.open("rb") as stream:
            blocks = [stream.read(HEAD_BYTES)]
            step = max(HEAD_BYTES, (UNPACKED_AT_MOST if opener else size) // (count + 1))
            for number in range(1, count + 1):
                stream.seek(number * step)
                block = stream.read(HEAD_BYTES)
                if not block:
                    break
                blocks.append(block.partition(b"\n")[2])
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: cannot be opened or unpacked: {error}") from None
    return blocks


def _sample_text(blocks: Sequence[bytes], name: str, settings: CsvSettings) -> Sample:
    encoding = detect_encoding(blocks[0], settings)
    head, *others = [text_lines(block, encoding, settings) for block in blocks]
    if not head:
        raise InputError(f"{name}: empty, there are no lines to read")
    if "16" in encoding:
        others = []  # a block may begin in the middle of a character of two bytes
    unusual = dict.fromkeys(UNUSUAL_DELIMITER.findall(head[0]))
    delimiters = [*DELIMITERS, *unusual] if settings.delimiter == "auto" else [settings.delimiter]
    delimited = {delimiter: split_header(head, delimiter) for delimiter in delimiters}

    def values(columns: Collection[str]) -> Values:
        delimiter = next(delimiter for delimiter in delimiters if set(columns) <= set(delimited[delimiter]))
        names = delimited[delimiter]
        parts = [head[1 : LINES_OF_HEAD + 1], *[lines[:LINES_OF_BLOCK] for lines in others]]
        rows = [row for part in parts for row in _split_lines(part, delimiter) if len(row) == len(names)]
        return {column: [row[names.index(column)] for row in rows] for column in columns}

    return Sample(name, "csv", delimited[delimiters[0]], values, delimited)


def _split_lines(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    except csv.Error:  # a field beyond the limit of csv
        return []


def _sample_json(blocks: Sequence[bytes], name: str) -> Sample:
    file = InputFile(name, StoredFile(name, 0, 0), "json", blocks[0])
    is_array = is_json_array(file)
    names = [key.strip() for key in head_keys(file)]

    def values(columns: Collection[str]) -> Values:
        taken: dict[str, list[str]] = {column: [] for column in columns}
        for number, block in enumerate(blocks[:1] if is_array else blocks):
            most = LINES_OF_BLOCK if number else LINES_OF_HEAD
            for line in _json_objects(block.decode("utf-8-sig", "replace"), most):
                texts = {key.strip(): value for key, value in line.items() if isinstance(value, str)}
                for column in columns:
                    taken[column].append(texts.get(column, ""))
        return taken

    return Sample(name, "json", names, values, {})


def _json_objects(text: str, most: int) -> Iterator[dict[str, Any]]:
    """Yield the first objects of a text, numbers as the text that was written."""
    decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
    position = text.find("{")
    while position >= 0 and most:
        try:
            json_object, end = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError):
            return  # cut off by the end of the block
        yield json_object
        most -= 1
        position = text.find("{", end)


def _sample_parquet(file: Path, name: str) -> Sample:
    try:
        names = pq.read_schema(file).names
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{name}: is not a whole Parquet file: {reason}") from None

    def values(columns: Collection[str]) -> Values:
        taken: dict[str, list[str]] = {column: [] for column in columns}
        with suppress(pa.ArrowException, OSError), pq.ParquetFile(file) as opened:
            for group in range(0, opened.num_row_groups, max(1, opened.num_row_groups // BLOCKS)):
                batch = next(opened.iter_batches(LINES_OF_HEAD, [group], list(columns)), None)
                if batch is not None:
                    for column in columns:
                        taken[column] += [_text(value) for value in batch.column(column).to_pylist()]
        return taken

    return Sample(name, "parquet", names, values, {})


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _sample_sheet(columns: Sequence[Sequence[str | None]], name: str) -> Sample:
    names = [(column[0] or "").strip() for column in columns]

    def values(requested: Collection[str]) -> Values:
        return {column: [cell or "" for cell in columns[names.index(column)][1:]] for column in requested}

    return Sample(name, "xlsx", names, values, {})
