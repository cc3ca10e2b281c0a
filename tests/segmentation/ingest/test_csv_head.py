"""The head of a CSV file shows where its header is and how its fields are written, or what is wrong with it."""

from collections.abc import Callable

import pytest

from segmentation.config.settings import CsvSettings
from segmentation.errors import InputError
from segmentation.ingest.csv_form import CsvForm
from segmentation.ingest.csv_head import CsvHead, csv_header
from segmentation.ingest.files import HEAD_BYTES
from tests.hostile_files import HEADER, TOP, line, lines, text

PLAIN = CsvForm("ISO-8859-1", ",", len(HEADER))
SIX = [line(number) for number in range(6)]


def head_of(content: str, **csv: object) -> CsvHead:
    return csv_header(content.encode(), "sales.csv", HEADER, CsvSettings(**csv))


def each(change: Callable[[int, str], str]) -> str:
    """Return a header and six lines, each line changed."""
    return text(TOP, *[change(number, one) for number, one in enumerate(SIX, 1)])


def bordered(*rows: str) -> list[str]:
    return [f"|{row.replace(',', '|')}|" for row in rows]


SHAPES: dict[str, tuple[str, CsvForm]] = {
    "well-formed": (text(TOP, *SIX), PLAIN),
    "Excel's line with the delimiter": (
        "\ufeff" + text("sep=~", TOP, *SIX).replace(",", "~"),
        PLAIN._replace(delimiter="~", header_line=2),
    ),
    "the same with a tab, in quotes": (
        text('"sep=\t"', TOP, *SIX).replace(",", "\t"),
        PLAIN._replace(delimiter="\t", header_line=2),
    ),
    "a title and a blank line": (text("Sales, by item", "", TOP, *SIX), PLAIN._replace(header_line=3)),
    "a title filled up with delimiters": (text("Sales,,,,,,,", ",,,,,,,", TOP, *SIX), PLAIN._replace(header_line=3)),
    "remarks": (text("# made by", "# the till", "#", TOP, *SIX), PLAIN._replace(header_line=4)),
    "a remark with the names": (text(f"# {TOP}", TOP, *SIX), PLAIN._replace(header_line=2)),
    "a bordered list": (
        text("List", "-" * 60, *bordered(TOP), f"|{'-' * 58}|", *bordered(*SIX), "-" * 60),
        PLAIN._replace(delimiter="|", width=10, header_line=3),
    ),
    "a delimiter behind each line": (each(lambda _, one: one + ","), PLAIN._replace(width=9)),
    "delimiters behind the header": (text(TOP + ",,", *SIX), PLAIN),
    "the names of rows in quotes": (
        each(lambda number, one: f'"{number}",{one}'),
        PLAIN._replace(width=9, offset=1),
    ),
    "backslashes before quotes": (
        each(lambda _, one: one.replace("HEART", r'"7\" RECORD, \"HITS\""')),
        PLAIN._replace(escape="\\"),
    ),
    "a backslash before the only quotes": (
        each(lambda _, one: one.replace("HEART", r'"12\" PLATE"')),
        PLAIN._replace(escape="\\"),
    ),
    "a backslash at the end of a field": (each(lambda _, one: one.replace("HEART", '"C:\\"')), PLAIN),
    "backslashes before delimiters": (
        each(lambda _, one: one.replace("HEART", r"A\, B")),
        PLAIN._replace(escape="\\", escapes_delimiter=True),
    ),
    "spaces before quotes": (each(lambda _, one: one.replace("HEART", ' "A, B"')), PLAIN._replace(skips_spaces=True)),
    "spaces and quotes in quotes": (each(lambda _, one: one.replace("HEART", '"A, ""B"", "')), PLAIN),
    "nulls of a database": (each(lambda _, one: one.replace("HEART", r"\N")), PLAIN._replace(null=r"\N")),
}  # fmt: skip


@pytest.mark.parametrize("case", SHAPES)
def test_the_head_shows_how_a_file_is_written(case: str) -> None:
    content, form = SHAPES[case]
    head = head_of(content)
    assert ([name for name in head.names if name], head.form._replace(above=())) == ([*HEADER], form)
    assert bool(head.form.above) == (form.header_line > 1)


def test_the_last_line_of_a_head_that_is_cut_off_is_not_looked_at() -> None:
    content = text(TOP, *SIX, line(Description="x" * HEAD_BYTES))[:HEAD_BYTES]
    assert head_of(content).lines == SIX


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_two_bytes_for_each_letter_are_recognised_without_a_mark(encoding: str) -> None:
    content = text(f"Preis €,Größe,数量,{TOP}", *[f"1,2,3,{one}" for one in SIX]).encode(encoding)
    form = csv_header(content, "sales.csv", HEADER, CsvSettings()).form
    assert (form.encoding, form.width) == (f"{encoding[:-3].upper()}{encoding[-2:].upper()}", len(HEADER) + 3)


def test_a_configured_escape_is_not_looked_for() -> None:
    content = SHAPES["a backslash before the only quotes"][0]
    assert [head_of(content, escape=escape).form.escape for escape in ("quote", "backslash")] == ['"', "\\"]
    assert head_of(text(TOP, *SIX), escape="backslash").form.escape == "\\"


@pytest.mark.parametrize(
    ("wide", "good", "count"), [(4, 0, "4 of the 4 lines"), (4, 2, "4 of the 6 lines"), (1, 10, "")]
)
def test_lines_of_another_width_are_said_where_others_are_read(wide: int, good: int, count: str) -> None:
    form = head_of(text(TOP, *lines(good), *[f"{one},more" for one in lines(wide)])).form
    assert form._replace(fault="") == PLAIN
    assert (f"the header has 8 fields, but {count} looked at have 9" in form.fault) == bool(count)


REFUSED = {
    "semicolons below a header with commas": (
        text(TOP, *[one.replace(",", ";") for one in SIX]),
        "the header has 8 fields, but 6 of the 6 lines looked at have 1, the first is line 2: the fields of the lines "
        "are separated by a semicolon, those of the header by a comma",
    ),
    "decimal commas between commas": (
        each(lambda _, one: one.replace("2.55", "2,55")),
        "the header has 8 fields, but 6 of the 6 lines looked at have 9, the first is line 2: put fields in quotes "
        "that hold a comma, decimal commas included",
    ),
    "numbers of rows": (each(lambda number, one: f"{number},{one}"), "(in R, row.names = FALSE), or begin the header"),
    "lines that lack a field": (each(lambda _, one: one.rpartition(",")[0]), "lines lack fields: write a delimiter"),
    "lines of data above the header": (
        text(*SIX, TOP, *SIX),
        "the header is in line 7, and lines above it have as many fields: move the header to the top",
    ),
    "quotes around each line": (text(*[f'"{one}"' for one in (TOP, *SIX)]), "each line is in quotes as a whole"),
    "quotes around each line below the header": (
        each(lambda _, one: f'"{one}"'),
        "but 6 of the 6 lines looked at have 1, the first is line 2: each line is in quotes as a whole",
    ),
    "another delimiter": (text(TOP, *SIX).replace(",", "~"), "are separated by '~': set input.csv.delimiter to '~'"),
    "a delimiter that is no character": (text(TOP, *SIX).replace(",", "\x01"), r'set input.csv.delimiter to "\u0001"'),
    "nothing below Excel's line with the delimiter": ("sep=;\n", "empty, there are no lines to read"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_split_is_refused_with_what_is_there(case: str) -> None:
    content, message = REFUSED[case]
    with pytest.raises(InputError) as caught:
        head_of(content)
    assert str(caught.value).startswith("sales.csv: ")
    assert message in str(caught.value)
    assert "HEART" not in str(caught.value)


def test_a_wrong_delimiter_of_the_configuration_is_named() -> None:
    with pytest.raises(InputError, match=r"separated by ',': set input\.csv\.delimiter to ','"):
        head_of(text(TOP, *SIX), delimiter=";")
