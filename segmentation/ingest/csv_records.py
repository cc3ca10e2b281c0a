"""Read records of CSV again that swallowed other lines, or whose delimiters are escaped, line by line."""

import re
from collections.abc import Mapping, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.ingest.csv_head import C1_CONTROLS, LINE_END, WINDOWS_1252
from segmentation.ingest.files import quoted

# Java decodes bytes that are no character of the encoding to this.
REPLACEMENT = "\ufffd"
# Up to this many columns, each is looked at by itself: of more, the expressions would be too deep for Spark.
NARROW = 64
# Columns of a record over several lines: its lines, one of them, and its fields.
LINES, LINE, REREAD = "lines", "line", "reread"
# Of a wide record, its fields in one text.
JOINED = "joined"
# Stand for an escaped backslash and an escaped delimiter while a line is split.
ESCAPED_BACKSLASH, ESCAPED_DELIMITER = "\x1e", "\x1f"


def column_name(position: int) -> str:
    """Return the name of the column at a position, in a frame of records."""
    return f"column_{position}"


def split_merged_records(
    records: DataFrame, width: int, positions: Sequence[int], numbers: Sequence[int], options: Mapping[str, str]
) -> DataFrame:
    """Read records that swallowed other lines again, line by line.

    These are records over several lines that cannot be split: a quote left open, or line ends that change within the
    file. And those with a field that holds the end of a line and the beginning of another: a quote left open that a
    later line closes. `records` have a column for each of `width` fields and `unparsed_line`; the fields at
    `positions` are returned. `numbers` are the positions of quantity and money, `options` those of the reader.
    """
    names = [column_name(position) for position in range(width)]
    kept = [*[column_name(position) for position in positions], s.UNPARSED_LINE]
    if width > NARROW:
        records = records.select(*kept, s.SOURCE_FILE, _joined(names, options["sep"]).alias(JOINED))
        text, fields = F.col(JOINED), [JOINED, s.UNPARSED_LINE]
    else:
        text = F.concat_ws(options["sep"], *[F.coalesce(F.col(name), F.lit("")) for name in names])
        fields = [*names, s.UNPARSED_LINE]
    # Nearly every record is a line; only the others are examined further.
    runs_over = reduce(Column.__or__, [_has_line_end(F.col(name)) for name in fields])
    swallowed = F.when(_is_several_lines(text, width, numbers, options["sep"]), text)
    lines = F.split(F.coalesce(F.col(s.UNPARSED_LINE), swallowed), LINE_END)
    exploded = records.withColumn(LINE, F.explode_outer(F.when(runs_over, lines)))
    schema = ", ".join(f"{name} STRING" for name in (*names, s.UNPARSED_LINE))
    reread = F.when(F.col(LINE).isNotNull(), F.from_csv(F.col(LINE), schema, dict(options)))
    return (
        exploded.where(F.col(LINE).isNull() | (F.col(LINE) != ""))
        .withColumn(REREAD, reread)
        .select(
            *[
                F.when(F.col(LINE).isNull(), F.col(name)).otherwise(F.col(REREAD)[name]).alias(name)
                for name in dict.fromkeys(kept)
            ],
            s.SOURCE_FILE,
        )
    )


def split_escaped_lines(
    lines: DataFrame, width: int, positions: Sequence[int], options: Mapping[str, str]
) -> DataFrame:
    """Split lines at the delimiters that have no backslash before them.

    `lines` have the columns `line` and `source_file`.

    Columns: the fields at `positions`, `unparsed_line` and `source_file`.
    """
    delimiter = options["sep"]
    marked = F.replace(F.col(LINE), F.lit("\\\\"), F.lit(ESCAPED_BACKSLASH))
    marked = F.replace(marked, F.lit(f"\\{delimiter}"), F.lit(ESCAPED_DELIMITER))
    names = [*[column_name(position) for position in range(width)], s.UNPARSED_LINE]
    fields = F.from_csv(marked, ", ".join(f"{name} STRING" for name in names), dict(options))
    kept = [*[column_name(position) for position in positions], s.UNPARSED_LINE]
    split = lines.where(F.trim(LINE) != "").withColumn(REREAD, fields)
    marks, meant = ESCAPED_BACKSLASH + ESCAPED_DELIMITER, f"\\{delimiter}"
    texts = {name: F.translate(F.col(REREAD)[name], marks, meant) for name in kept}
    return split.select(*[text.alias(name) for name, text in texts.items()], s.SOURCE_FILE)


def repaired(column: Column) -> Column:
    """Decode text that was read byte by byte as ISO-8859-1 again, field by field.

    UTF-8 where its bytes are valid UTF-8 (text in another encoding almost never is), else windows-1252, which is
    ISO-8859-1 with printable characters in place of control characters.
    """
    as_utf_8 = F.encode(column, "ISO-8859-1").cast("string")
    is_ascii = F.octet_length(column) == F.char_length(column)
    return (
        F.when(is_ascii, column)
        .when(F.is_valid_utf8(as_utf_8), as_utf_8)
        .otherwise(F.translate(column, C1_CONTROLS, WINDOWS_1252))
    )


def undecodable_unparsed(lines: DataFrame) -> DataFrame:
    """Mark lines with bytes that are no text in the file's encoding as unparsed."""
    text = F.concat_ws(" ", *[name for name in lines.columns if name not in (s.SOURCE_FILE, s.UNPARSED_LINE)])
    unparsed = F.coalesce(F.col(s.UNPARSED_LINE), F.when(F.contains(text, F.lit(REPLACEMENT)), text))
    return lines.withColumn(s.UNPARSED_LINE, unparsed)


def _joined(names: Sequence[str], delimiter: str) -> Column:
    """Return the fields of a wide record in one text: one expression, however many columns there are."""
    literal = "\\\\" if delimiter == "\\" else delimiter
    literal = literal.replace("'", "\\'")
    return F.expr(f"array_join(array({', '.join(map(quoted, names))}), '{literal}', '')")


def _is_several_lines(text: Column, width: int, numbers: Sequence[int], delimiter: str) -> Column:
    """Return whether a record's text is several lines of data, and not one with a description over several lines.

    The first and the last line must have enough fields, and a quantity or money in its position.
    """
    lines = F.split(text, LINE_END)
    conditions = []
    for line in (F.element_at(lines, 1), F.element_at(lines, -1)):
        fields = F.split(line, re.escape(delimiter))
        has_number = [F.get(fields, F.lit(number)).try_cast("double").isNotNull() for number in numbers]
        conditions += [F.size(fields) >= width, reduce(Column.__or__, has_number)]
    return reduce(Column.__and__, conditions)


def _has_line_end(text: Column) -> Column:
    return F.coalesce(F.contains(text, F.lit("\n")) | F.contains(text, F.lit("\r")), F.lit(False))
