"""Notice dates that are instants, moments of Greenwich, where it is not known which clock the shop has."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from pyspark.sql import DataFrame
from pyspark.sql.types import StringType

from segmentation import schemas as s
from segmentation.config.settings import InputSettings
from segmentation.filesystem import FileSystem, FileSystems
from segmentation.filesystem.local import LocalFileSystem
from segmentation.ingest.csv_form import CsvForm, split_lines
from segmentation.ingest.csv_head import text_lines
from segmentation.ingest.dates import INSTANTS, OF_GREENWICH
from segmentation.ingest.files import HEAD_BYTES, Header, InputFile
from segmentation.ingest.json_head import objects_in
from segmentation.ingest.parquet_footers import INFERRED, NANOSECONDS_UTC

# Most exports write all dates alike, and others change it once: lines of the first and the last files show how.
LINES_LOOKED_AT, FILES_AT_EACH_END = 200, 4
# And lines of so many pieces further down in plain text; of a remote file, of its end alone.
PIECES, PIECE_BYTES, LINES_OF_PIECE = 16, 32_768, 50


def instants_in_words(
    raw_lines: DataFrame, files: Sequence[InputFile], settings: InputSettings, date_formats: Sequence[str]
) -> str | None:
    """Return where the dates are instants, without a time zone to read them in; None where they are the shop's clock.

    Parquet's footers say it of a column with a type; of CSV and JSON the beginning is looked at, and pieces further
    down. Runs an action on the first lines of a workbook, and of Parquet whose dates are text.
    """
    if settings.time_zone is not None:
        return None
    column = settings.columns.invoice_date
    for file in files:
        if file.kind == "parquet" and _is_instant(file.header, column):
            return f"{file.path}: the column {column!r} holds instants"
    epochs = [name for name in date_formats if name in INSTANTS]
    for file in [*files[:FILES_AT_EACH_END], *files[FILES_AT_EACH_END:][-FILES_AT_EACH_END:]]:
        texts = [text.strip() for text in _some_dates(raw_lines, file, settings)]
        found = [text for text in texts if re.search(r"\d", text) and text.endswith(OF_GREENWICH)]
        # A shop in Greenwich may write its own clock with +00:00 in winter, and with +01:00 in summer.
        others = [text for text in texts if re.search(r"[+-](?!00:?00$)\d{2}:?\d{2}$", text)]
        if found and not others:
            return f"{file.path}: the column {column!r} holds instants, such as {found[0]!r}"
        if epochs and any(re.fullmatch(r"\d{9,16}(\.\d+)?", text) for text in texts):
            return f"{file.path}: the column {column!r} holds instants, {epochs[0].replace('_', ' in ')}"
    return None


def _some_dates(raw_lines: DataFrame, file: InputFile, settings: InputSettings) -> Iterator[str]:
    """Yield dates of a file that are text: of its first lines, and of some further down in CSV and JSON."""
    raw = s.raw(s.INVOICE_DATE)
    if file.kind not in ("csv", "json"):
        if isinstance(raw_lines.schema[raw].dataType, StringType):
            yield from (row[0] or "" for row in raw_lines.select(raw).head(LINES_LOOKED_AT))
        return
    filesystem = FileSystems(raw_lines.sparkSession).of(file.stored.path)
    head = filesystem.head(file.stored.path, HEAD_BYTES)
    yield from islice(_dates_in(head, file, settings), LINES_LOOKED_AT)
    for piece in _pieces(filesystem, file, head):
        yield from islice(_dates_in(piece, file, settings), LINES_OF_PIECE)


def _pieces(filesystem: FileSystem, file: InputFile, head: bytes) -> Iterator[bytes]:
    """Yield pieces of a file of plain text behind its head, from the next line on, the last one at its end."""
    path, left = file.stored.path, file.stored.size - len(head) - PIECE_BYTES
    is_wide = file.kind == "csv" and CsvForm(*file.header.form).encoding not in ("UTF-8", "ISO-8859-1")
    # All is in the head, a piece may begin in the middle of a character, or the text is compressed.
    if left <= 0 or is_wide or filesystem.part(path, 0, len(head)) != head:
        return
    pieces = PIECES if isinstance(filesystem, LocalFileSystem) else 1
    for number in range(1, pieces + 1):
        yield filesystem.part(path, len(head) + left * number // pieces, PIECE_BYTES).partition(b"\n")[2]


def _dates_in(part: bytes, file: InputFile, settings: InputSettings) -> Iterator[str]:
    column = settings.columns.invoice_date
    if file.kind == "json":
        values = (value for pairs in objects_in(part) for key, value in pairs if key.strip() == column)
        yield from (value for value in values if isinstance(value, str))
        return
    form, names = CsvForm(*file.header.form), [name.strip() for name in file.header.names]
    if column in names:
        position = form.offset + names.index(column)
        lines = islice(text_lines(part, form.encoding, settings.csv), 2 * LINES_LOOKED_AT)
        yield from (fields[position] for fields in split_lines(lines, form) if len(fields) == form.width)


def _is_instant(header: Header, column: str) -> bool:
    """Return whether a column of a Parquet file is a time of Greenwich, by its type or the schema as Java has it."""
    if header.form[:1] == (INFERRED,):
        name = re.escape(column)
        adjusted = rf"int96 {name}\b|int64 {name} \(TIMESTAMP\([A-Z]+,true"
        return re.search(adjusted, str(header.form[1]), re.IGNORECASE) is not None
    kinds = {name.strip(): kind for name, kind in zip(header.names, header.form, strict=False)}
    return kinds.get(column) in ("timestamp", NANOSECONDS_UTC)
