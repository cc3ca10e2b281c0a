"""CSV records that took in lines which are not their own → these lines, each for itself."""

import re
from collections.abc import Mapping, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.schemas import SOURCE_FILE, UNPARSED_LINE

LINE_END = r"\r\n|\r|\n"
LINE, AGAIN = "line", "again"


def lines_apart(
    records: DataFrame, columns: Sequence[str], numbers: Sequence[int], options: Mapping[str, str]
) -> DataFrame:
    """The records with `columns`, source_file and unparsed_line; one that swallowed lines is read again line by line.

    These are records that cannot be split and run over several lines (a quote left open, line ends that change within
    the file), and those with a field that holds the end of a line and the beginning of another: a quote left open that
    a later line happens to close. `numbers` are the positions of quantity and price, `options` those of the reader.
    """
    delimiter = options["sep"]
    swallowed = _any(
        [_holds_lines(F.col(name), place, len(columns), numbers, delimiter) for place, name in enumerate(columns)]
    )
    as_one = F.concat_ws(delimiter, *[F.coalesce(F.col(name), F.lit("")) for name in columns])
    text = F.coalesce(F.col(UNPARSED_LINE), F.when(_has_line_end(as_one), F.when(swallowed, as_one)))
    several = F.filter(F.split(F.when(_has_line_end(text), text), LINE_END), lambda line: line != "")
    schema = ", ".join(f"{name} STRING" for name in (*columns, UNPARSED_LINE))
    again = F.from_csv(F.col(LINE), schema, dict(options))
    apart = records.withColumn(LINE, F.explode_outer(several)).withColumn(AGAIN, again)
    return apart.select(
        *[
            F.when(F.col(LINE).isNull(), F.col(name)).otherwise(F.col(AGAIN)[name]).alias(name)
            for name in (*columns, UNPARSED_LINE)
        ],
        SOURCE_FILE,
    )


def _holds_lines(field: Column, place: int, width: int, numbers: Sequence[int], delimiter: str) -> Column:
    """Whether a field holds the rest of its own line, and of another the beginning up to the same column.

    Told by the number of fields in both, and by a quantity or price where it should be: a description of several
    lines with commas in it has none there.
    """
    pieces = F.split(field, LINE_END)
    rest = F.split(F.element_at(pieces, 1), re.escape(delimiter))
    beginning = F.split(F.element_at(pieces, -1), re.escape(delimiter))
    texts = [
        F.get(rest, number - place) if number > place else F.get(beginning, number)
        for number in numbers
        if number != place
    ]
    has_fields = (F.size(rest) >= width - place) & (F.size(beginning) > place)
    has_number = _any([text.try_cast("double").isNotNull() for text in texts])
    return F.coalesce(_has_line_end(field) & has_fields & has_number, F.lit(False))


def _has_line_end(text: Column) -> Column:
    return F.contains(text, F.lit("\n")) | F.contains(text, F.lit("\r"))


def _any(conditions: Sequence[Column]) -> Column:
    return reduce(Column.__or__, conditions)
