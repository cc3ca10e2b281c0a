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
    # Nearly every record is a line; the further questions are asked of the others alone.
    runs_over = reduce(Column.__or__, [_has_line_end(F.col(name)) for name in (*columns, UNPARSED_LINE)])
    as_one = F.concat_ws(options["sep"], *[F.coalesce(F.col(name), F.lit("")) for name in columns])
    swallowed = F.when(_is_several_lines(as_one, len(columns), numbers, options["sep"]), as_one)
    lines = F.split(F.coalesce(F.col(UNPARSED_LINE), swallowed), LINE_END)
    apart = records.withColumn(LINE, F.explode_outer(F.when(runs_over, lines)))
    schema = ", ".join(f"{name} STRING" for name in (*columns, UNPARSED_LINE))
    again = F.when(F.col(LINE).isNotNull(), F.from_csv(F.col(LINE), schema, dict(options)))
    return (
        apart.where(F.col(LINE).isNull() | (F.col(LINE) != ""))
        .withColumn(AGAIN, again)
        .select(
            *[
                F.when(F.col(LINE).isNull(), F.col(name)).otherwise(F.col(AGAIN)[name]).alias(name)
                for name in (*columns, UNPARSED_LINE)
            ],
            SOURCE_FILE,
        )
    )


def _is_several_lines(as_one: Column, width: int, numbers: Sequence[int], delimiter: str) -> Column:
    """Whether a record's fields, joined again, are lines of their own: the first and the last have fields enough, and
    a quantity or price where it should be. Of a description of several lines with commas in it these have none there.
    """
    lines = F.split(as_one, LINE_END)
    conditions = []
    for line in (F.element_at(lines, 1), F.element_at(lines, -1)):
        fields = F.split(line, re.escape(delimiter))
        has_number = [F.get(fields, F.lit(number)).try_cast("double").isNotNull() for number in numbers]
        conditions += [F.size(fields) >= width, reduce(Column.__or__, has_number)]
    return reduce(Column.__and__, conditions)


def _has_line_end(text: Column) -> Column:
    return F.coalesce(F.contains(text, F.lit("\n")) | F.contains(text, F.lit("\r")), F.lit(False))
