"""Files of this machine → their columns' names and some values of each, looked at before Spark starts.

For a guess: what is taken here is a bounded part of a file, and none of it is judged. The readers proper then read all.
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

from segmentation.config import CsvSettings
from segmentation.errors import ConfigError, InputError
from segmentation.input_files import HEAD_BYTES, MOST_NAMES_COMPARED, InputFile, kind_of, not_there
from segmentation.json_files import is_array_of_objects, keys_of_head
from segmentation.plain_text import without_secrets
from segmentation.storage import StoredFile, is_hidden
from segmentation.text_files import DELIMITERS, encoding_of, lines_of, names_in
from segmentation.xlsx import first_rows

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
        raise not_there(path, names)
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
    encoding = encoding_of(blocks[0], settings)
    head, *others = [lines_of(block, encoding, settings) for block in blocks]
    if not head:
        raise InputError(f"{place}: empty, there are no lines to read")
    unusual = dict.fromkeys(UNUSUAL_DELIMITER.findall(head[0]))
    delimiters = [*DELIMITERS, *unusual] if settings.delimiter == "auto" else [settings.delimiter]
    delimited = {delimiter: names_in(head, delimiter) for delimiter in delimiters}

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
    is_array = is_array_of_objects(file)
    names = [name.strip() for name in keys_of_head(file, is_array)]

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
