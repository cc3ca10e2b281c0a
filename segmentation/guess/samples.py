"""Sample local files before Spark starts: the columns' names, and some values of each.

A sample reads a bounded part of a file and validates nothing. The readers of `ingest` read all of it later.
"""

import os
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from segmentation.config.settings import CsvSettings, DecimalMark
from segmentation.errors import ConfigError, InputError
from segmentation.filesystem import readable_path
from segmentation.filesystem.listing import expanded_glob, files_at
from segmentation.filesystem.local import OPENERS
from segmentation.guess.columns import guess_columns
from segmentation.ingest.csv_form import split_lines
from segmentation.ingest.csv_head import Wanted, look_at_head, text_lines
from segmentation.ingest.files import (
    HEAD_BYTES,
    LONGEST_FIRST_LINE,
    MOST_NAMES_COMPARED,
    folder_columns,
    kind_of,
    missing_path_error,
)
from segmentation.ingest.json_head import ARRAY, flattening, inner_keys, json_header, objects_in, taking_out
from segmentation.ingest.numbers import TypedNumber
from segmentation.ingest.parquet_footers import open_parquet
from segmentation.ingest.reachable import require_file_path
from segmentation.ingest.refused_folders import refuse_hidden_log, refuse_local_tables
from segmentation.ingest.xlsx import HEADER_IS_SOUGHT_IN_ROWS, first_rows
from segmentation.redaction import without_secrets

# Lines from the top of a file, and from each of some blocks further down: files are often sorted by date, and the
# first thousand lines may all be of one day.
LINES_OF_HEAD, LINES_OF_BLOCK, BLOCKS = 1_000, 200, 16
# Bytes of a compressed file that are decompressed for this.
UNPACKED_AT_MOST = 64_000_000
# Of this many files the columns' names are looked at, and of these the values of so many.
FILES_SAMPLED = 1_000
FILES_WITH_VALUES = 16
# In a header with more columns, those that say what lines are are sought in the first ones.
MOST_COLUMNS = 200
NUMBER = re.compile(r"\s*[-+]?[\d.,]*\d\s*")

Line = Mapping[str, str]
Values = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Sample:
    """A file or a sheet of a workbook: its columns' names, and a function that yields lines with given columns.

    A line maps columns to their texts; a column without a value may be missing. `folders` are columns that folders in
    the path are named by, such as `country=France`; lines have their values. `renamed` yields the lines of a text file
    under other names.
    """

    path: str
    kind: str
    names: Sequence[str]
    lines: Callable[[Collection[str]], Iterable[Line]]
    folders: Sequence[str] = ()
    renamed: Callable[[Sequence[str]], Iterable[Line]] | None = None


def samples_of(
    paths: Sequence[str],
    settings: CsvSettings,
    kind: str,
    sheets: Sequence[str] | None,
    fixed: Mapping[str, str | None] | None = None,
    decimal: DecimalMark = "auto",
) -> list[Sample]:
    """Return samples of the files at the paths, directories and globs: of all, or of many evenly among their paths.

    Those whose values are to be looked at come first. `kind` is that of the configuration, "auto" to recognise it.
    `sheets` are those of workbooks, None for all. `fixed` maps fields to their columns, where these are given. Numbers
    that are typed are `TypedNumber`, in a workbook where texts have decimal commas or `decimal` says so.

    Raises: InputError for a missing path or an unreadable file, ConfigError for a path of another machine.
    """
    files = _spread(sorted({file for path in paths for file in _files_at(path)}), FILES_SAMPLED)
    with_values = set(_spread(files, FILES_WITH_VALUES))
    samples: dict[bool, list[Sample]] = {True: [], False: []}
    wanted = _wanted(fixed or {})
    for path in files:
        name, has_values = without_secrets(path), path in with_values
        for sample in _samples_in(
            Path(path), name, settings, kind, sheets, decimal, wanted, BLOCKS if has_values else 0
        ):
            samples[has_values].append(_with_folders(sample, path))
    if not any(samples.values()):
        raise InputError(f"{', '.join(paths[:3])}: empty, there are no lines to read")
    return _with_names(samples[True] + samples[False], wanted)


def lines_of(samples: Sequence[Sample], columns: Collection[str]) -> Iterator[Line]:
    """Yield the sampled lines of the first files with the given columns; without columns, none."""
    for sample in samples[:FILES_WITH_VALUES] if columns else ():
        yield from sample.lines(columns)


def unread_columns(samples: Sequence[Sample], read: Collection[str | None]) -> list[str]:
    """Return the columns that all samples have and that are not in `read`, of the first ones of a wide header."""
    names = [name for name in samples[0].names if name and name not in read][:MOST_COLUMNS]
    return [name for name in names if all(name in sample.names for sample in samples)]


def _spread(paths: Sequence[str], count: int) -> Sequence[str]:
    """Return so many of the paths, the first and others at even distances, or all if they are fewer."""
    return [paths[number * len(paths) // count] for number in range(count)] if len(paths) > count else paths


def _samples_in(
    file: Path,
    name: str,
    settings: CsvSettings,
    kind: str,
    sheets: Sequence[str] | None,
    decimal: DecimalMark,
    wanted: Wanted,
    blocks_below: int,
) -> list[Sample]:
    """Return the sample of a file, or one for each sheet of a workbook; none of an empty file."""
    blocks = _blocks(file, name, blocks_below)
    if not blocks[0]:
        return []
    kind_of_file = kind_of(blocks[0], name) if kind == "auto" else kind
    if kind_of_file == "csv":
        return [_sample_text(blocks, name, settings, wanted)]
    if kind_of_file == "json":
        return [_sample_json(blocks, name, wanted)]
    if kind_of_file == "parquet":
        return _sample_parquet(file, name)
    sheets_of_file = first_rows(file, name, sheets, LINES_OF_HEAD, decimal)
    return [_sample_sheet(columns, sheet, wanted) for sheet, columns in sheets_of_file.items()]


def _with_folders(sample: Sample, path: str) -> Sample:
    """Add the columns that folders in the path are named by; a column of the file itself counts before them."""
    folders = {name: value or "" for name, (_, value) in folder_columns(path).items() if name not in sample.names}
    if not folders or sample.kind == "xlsx":
        return sample
    return replace(sample, folders=list(folders), lines=lambda names: ({**folders, **x} for x in sample.lines(names)))


def _files_at(path: str) -> list[str]:
    require_file_path(path)
    if "://" in path and not path.startswith("file://"):
        raise ConfigError(
            f"--input {without_secrets(path)}: columns are guessed only of files on this machine: give --config FILE. "
            "To get one, copy a small part of the data here and guess it with --write-config FILE"
        )
    local = str(Path(re.sub("^file:(//)?", "", path)).absolute())
    matches = [local] if os.path.lexists(local) else expanded_glob(local)
    if not matches:
        folder = Path(local).parent
        names = sorted(file.name for file in folder.iterdir())[:MOST_NAMES_COMPARED] if folder.is_dir() else []
        raise missing_path_error(path, names)
    try:
        found = [readable_path(file.path) for match in matches for file in files_at(match, refuse_hidden_log)]
        refuse_local_tables(found)
        return found
    except OSError as error:
        raise InputError(f"{path}: cannot be listed: {error.strerror or error}") from None


def _blocks(file: Path, name: str, count: int) -> list[bytes]:
    """Return the first bytes of a file, decompressed, and up to `count` blocks further down that begin with a line."""
    opener = OPENERS.get(file.suffix)
    try:
        size = file.stat().st_size
        with opener(file) if opener and size else file.open("rb") as stream:
            blocks = [stream.read(HEAD_BYTES)]
            if b"\n" not in blocks[0] and b"\r" not in blocks[0]:
                blocks[0] += stream.read(LONGEST_FIRST_LINE - HEAD_BYTES)
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


def _sample_text(blocks: Sequence[bytes], name: str, settings: CsvSettings, wanted: Wanted) -> Sample:
    head = look_at_head(blocks[0], name, settings, wanted, lines_at_most=LINES_OF_HEAD)
    form = head.form
    others = [[*text_lines(block, form.encoding, settings)] for block in blocks[1:]]
    if "16" in form.encoding:
        others = []  # a block may begin in the middle of a character of two bytes

    def sampled_lines(names: Sequence[str]) -> Iterator[Line]:
        for part in (head.lines, *[lines[:LINES_OF_BLOCK] for lines in others]):
            for fields in split_lines(part, form):
                if len(fields) == form.width:
                    yield dict(zip(names, fields[form.offset :], strict=False))

    return Sample(name, "csv", head.names, lambda _: sampled_lines(head.names), renamed=sampled_lines)


def _sample_json(blocks: Sequence[bytes], name: str, wanted: Wanted) -> Sample:
    keys, form = json_header(blocks[0], name)
    inner_objects = inner_keys(objects_in(blocks[0]))
    nested = {inner.key for inner in inner_objects}
    names = [key.strip() for key in keys if key not in nested]
    for inner in [] if wanted.is_enough(names) else inner_objects:
        is_alone = inner.is_list or not set(inner.names) & set(names)
        if is_alone and wanted.count([*names, *inner.names]) > wanted.count(names):
            raise InputError(flattening(name, inner, "columns are", form.shape))
        if wanted.count([*names, *[f"{inner.key}_{key}" for key in inner.names]]) > wanted.count(names):
            raise InputError(taking_out(name, inner, form.shape))

    def sampled_lines(_: Collection[str]) -> Iterator[Line]:
        for number, block in enumerate(blocks[:1] if form.shape == ARRAY else blocks):
            for pairs in islice(objects_in(block), LINES_OF_BLOCK if number else LINES_OF_HEAD):
                yield {key.strip(): value for key, value in pairs if isinstance(value, str)}

    return Sample(name, "json", names, sampled_lines)


def _sample_parquet(file: Path, name: str) -> list[Sample]:
    """Return the sample of a file; none of one without rows, as Spark writes parts that may lack every column."""
    try:
        with open_parquet(file, name) as opened:
            names, rows = opened.schema_arrow.names, opened.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{name}: is not a whole Parquet file: {reason}") from None

    def sampled_lines(columns: Collection[str]) -> Iterator[Line]:
        with suppress(pa.ArrowException, OSError), open_parquet(file, name) as opened:
            for group in range(0, opened.num_row_groups, max(1, opened.num_row_groups // BLOCKS)):
                for batch in islice(opened.iter_batches(LINES_OF_HEAD, [group], list(columns)), 1):
                    for values in batch.to_pylist():
                        yield {column: _text(value) for column, value in values.items()}

    return [Sample(name, "parquet", names, sampled_lines)] if rows else []


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float | Decimal):
        return TypedNumber(value)
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _sample_sheet(columns: Sequence[Sequence[str | None]], name: str, wanted: Wanted) -> Sample:
    rows = [[(cell or "").strip() for cell in cells] for cells in zip(*columns, strict=True)]
    at = 0
    if not wanted.is_enough(rows[0]):
        best = max(range(min(HEADER_IS_SOUGHT_IN_ROWS, len(rows))), key=lambda row: wanted.count(rows[row]))
        at = best if wanted.count(rows[best]) > max(1, wanted.count(rows[0])) else 0

    def sampled_lines(_: Collection[str]) -> Iterator[Line]:
        for cells in rows[at + 1 :]:
            yield dict(zip(rows[at], cells, strict=True))

    return Sample(name, "xlsx", rows[at], sampled_lines)


def _wanted(fixed: Mapping[str, str | None]) -> Wanted:
    """Return what makes a line a header: the columns that are guessed from it. A line with a number is none."""
    guess = cache(lambda names: guess_columns(names, fixed))

    def is_header(names: Sequence[str]) -> bool:
        return not any(map(NUMBER.fullmatch, names))

    return Wanted(
        lambda names: len(guess((*names,)).columns) if is_header(names) else 0,
        lambda names: is_header(names) and not guess((*names,)).missing,
    )


def _with_names(samples: list[Sample], wanted: Wanted) -> list[Sample]:
    """Give text files without a header the names of another with as many fields, as the reader does."""
    named = {len(sample.names): sample for sample in reversed(samples) if wanted.is_enough(sample.names)}

    def with_names(sample: Sample) -> Sample:
        other = named.get(len(sample.names))
        if other is None or sample.renamed is None or wanted.count(sample.names):
            return sample
        renamed = sample.renamed
        return replace(sample, names=other.names, lines=lambda _: renamed(other.names))

    return [with_names(sample) for sample in samples]
