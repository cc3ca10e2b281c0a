"""How a CSV file is written: its delimiter and quotes, and how many fields its lines have. Plain Python."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from segmentation.errors import InputError, counted

DELIMITERS = (",", ";", "\t", "|")
DELIMITER_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
QUOTE, BACKSLASH = '"', "\\"
# MySQL and PostgreSQL write a missing value so.
DATABASE_NULL = r"\N"
IN_QUOTES_AS_A_WHOLE = "each line is in quotes as a whole: write the lines without these quotes"
LINES_EXAMINED = 100
# Fewer lines may all be broken, such as the total of a day without sales.
FEWEST_LINES_REFUSED = 5
# Exports have a few broken lines.
FAULTY_SHARE = 0.1


class CsvForm(NamedTuple):
    """How a CSV file is written.

    A line has `width` fields, of which `offset` come before the first column. `escape` stands before a quote inside
    quotes, and with `escapes_delimiter` before a delimiter outside of them. `skips_spaces` says whether spaces come
    before quotes. `null` is written for a missing value. `above` are the lines above the header that are not empty, and
    the header, if there are any above it. `fault` says what is wrong with many of the lines, but not with all.
    """

    encoding: str
    delimiter: str
    width: int
    offset: int = 0
    escape: str = QUOTE
    escapes_delimiter: bool = False
    skips_spaces: bool = False
    null: str = ""
    above: tuple[str, ...] = ()
    header_line: int = 1
    fault: str = ""


def split_lines(lines: Iterable[str], form: CsvForm) -> list[list[str]]:
    """Return the fields of each record of some lines; the records end at one with an endless field."""
    if form.null:
        delimiter = re.escape(form.delimiter)
        lines = (re.sub(rf"(^|(?<={delimiter}))\"?\\N\"?(?={delimiter}|$)", "", line) for line in lines)
    escape = form.escape if form.escape != QUOTE else None
    records: list[list[str]] = []
    with suppress(csv.Error):  # a field beyond the limit of csv
        reader = csv.reader(lines, delimiter=form.delimiter, escapechar=escape, skipinitialspace=form.skips_spaces)
        records += reader
    return records


def with_quoting(form: CsvForm, body: Sequence[str], escape: str) -> CsvForm:
    """Return the form with the rule of quotes by which most of the lines have as many fields as the header.

    `escape` is that of the configuration, "auto" to find it out.
    """
    delimiter = re.escape(form.delimiter)
    text = "\n".join(body)  # most files have none of what is looked for, which is quickly seen
    if DATABASE_NULL in text:
        null = re.compile(rf"(^|{delimiter})\"?\\N\"?({delimiter}|$)")
        form = form._replace(null=DATABASE_NULL if any(map(null.search, body)) else "")
    spaced = re.compile(rf"(^|{delimiter}) +\"(?![\"{delimiter}]|$)")
    if ' "' in text and any(map(spaced.search, body)):
        skipping = form._replace(skips_spaces=True)
        form = skipping if _alike(body, skipping) >= _alike(body, form) else form
    escaped = re.compile(rf"\\[\"{delimiter}]")
    is_wide = form.encoding.startswith(("UTF-16", "UTF-32"))
    if escape != "quote" and BACKSLASH in text and any(map(escaped.search, body)):
        # Without such escapes a quote inside of quotes is doubled, or followed by the end of the field.
        certain = re.compile(rf"(?<!\\)(\\\\)*\\\"(?![\"{delimiter}]|$)")
        with_escapes = form._replace(escape=BACKSLASH)
        before, after = _alike(body, form), _alike(body, with_escapes)
        if escape == "auto" and (after < before or (after == before and not any(map(certain.search, body)))):
            return form
        quoted = re.compile(r"\"(?:[^\"\\]|\\.)*\"")
        outside = any(f"\\{form.delimiter}" in quoted.sub("", line) for line in body)
        return with_escapes._replace(escapes_delimiter=outside and not is_wide)
    return form._replace(escape=BACKSLASH) if escape == "backslash" else form


def _alike(body: Sequence[str], form: CsvForm) -> tuple[int, int]:
    """Return how many records have as many fields as the header, and how many the commonest number of fields."""
    widths = Counter(map(len, split_lines(body, form)))
    return widths[form.width], max(widths.values(), default=0)


def with_width(
    form: CsvForm, names: Sequence[str], body: Sequence[str], path: str, numbers: Sequence[int]
) -> tuple[Sequence[str], CsvForm]:
    """Return the names and the form for lines that are wider than the header, or narrower, all in one harmless way.

    `body` are the lines below the header, `numbers` their numbers from 0.

    Raises: InputError where no line has as many fields as the header, and what the other fields are is not certain.
    """
    # Rules, as below the header of a list, are no lines, and single remarks neither.
    rows = [row for row in split_lines(body[:LINES_EXAMINED], form) if any(map(str.isalnum, "".join(row)))]
    if 2 * sum(len(row) == 1 for row in rows) < len(rows):
        rows = [row for row in rows if len(row) > 1]
    widths = Counter(map(len, rows))
    others = len(rows) - widths[len(names)]
    if others <= FAULTY_SHARE * len(rows):
        return names, form
    width, count = widths.most_common(1)[0]
    typical = [row for row in rows if len(row) == width]
    is_typical = 2 * count > len(rows)
    if is_typical and width > len(names) and not any(text.strip() for row in typical for text in row[len(names) :]):
        return names, form._replace(width=width)  # a delimiter behind each line
    if is_typical and width < len(names) and not any(names[width:]):
        return names[:width], form._replace(width=width)  # delimiters behind the header alone
    is_numbered = width == len(names) + 1 and all(row[0] == str(number) for number, row in enumerate(typical, 1))
    if is_typical and is_numbered and body[0].lstrip().startswith('"1"'):
        return names, form._replace(width=width, offset=1)  # the names of rows, as R writes them
    wrong = Counter({other: rows_of for other, rows_of in widths.items() if other != len(names)})
    width, count = wrong.most_common(1)[0]
    fault = (
        f"the header has {counted(len(names), 'field')}, but {count:,} of the {counted(len(rows), 'line')} looked at "
        f"have {width}, the first is line {_first_line(body, form, numbers, width)}: "
        f"{_remedy(body, names, form, is_numbered, width)}"
    )
    if others < len(rows) or len(rows) < FEWEST_LINES_REFUSED:
        return names, form._replace(fault=fault)
    raise InputError(f"{path}: {fault}")


def _first_line(body: Sequence[str], form: CsvForm, numbers: Sequence[int], width: int) -> int:
    """Return the number of the first line with a number of fields, where each record is a line."""
    at = next((at for at, row in enumerate(split_lines(body, form)) if len(row) == width), 0)
    return numbers[min(at, len(numbers) - 1)] + 1


def _remedy(body: Sequence[str], names: Sequence[str], form: CsvForm, is_numbered: bool, width: int) -> str:
    for other in DELIMITERS:
        widths = Counter(map(len, split_lines(body[:LINES_EXAMINED], form._replace(delimiter=other))))
        if other != form.delimiter and 2 * widths[len(names)] > widths.total():
            return (
                f"the fields of the lines are separated by {DELIMITER_NAMES[other]}, those of the header by "
                f"{_name_of(form.delimiter)}: write all of them with one delimiter"
            )
    if width == 1 and len(split_lines(split_lines(body[:1], form)[0], form)[0]) == len(names):
        return IN_QUOTES_AS_A_WHOLE
    if is_numbered:
        return (
            "the first field numbers the lines, and has no name in the header: write the file without row names "
            "(in R, row.names = FALSE), or begin the header with a name for them"
        )
    if width < len(names):
        return "the lines lack fields: write a delimiter for each blank field, or leave the names out of the header"
    return (
        f"put fields in quotes that hold {_name_of(form.delimiter)}, decimal commas included, or give each field a "
        "name in the header"
    )


def _name_of(delimiter: str) -> str:
    return DELIMITER_NAMES.get(delimiter, repr(delimiter))
