"""Whatever happens to the bytes of a CSV file, each of its lines is counted, or the file is refused."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.errors import InputError
from segmentation.ingest.find import find_input
from segmentation.ingest.read import read_lines
from tests.hostile_files import HEADER, INPUT

MUTATIONS = 100
DESCRIPTIONS = (
    *(
        "WHITE HEART",
        '"HAND WARMER, UNION JACK"',
        '"7"" RECORD ""HITS"""',
        '"FIRST LINE\nSECOND LINE"',
        "CAFÉ £5 ÑANDÚ",
    ),
    *("", '""', '"ENDS WITH A QUOTE"""', '"A\n\nB, C"', "20' RULER"),
)
QUOTE = ord('"')


@dataclass(frozen=True)
class Dialect:
    """A way of writing good files."""

    delimiter: str = ","
    line_end: str = "\n"
    encoding: str = "utf-8"

    @property
    def header(self) -> bytes:
        return (self.delimiter.join(HEADER) + self.line_end).encode(self.encoding)

    @property
    def body(self) -> bytes:
        """Twenty lines with everything that makes a file hard to read."""
        lines = []
        for number in range(20):
            fields = [str(536365 + number // 3), "85123A", DESCRIPTIONS[number % len(DESCRIPTIONS)], str(number + 1)]
            fields += ["12/1/2010 8:26", "2.55", "" if number % 7 == 6 else "17850", "France"]
            lines.append(self.delimiter.join(fields).replace("\n", self.line_end) + self.line_end)
        return "".join(lines).encode(self.encoding.removesuffix("-sig"))


DIALECTS = (Dialect(), Dialect(line_end="\r\n", encoding="iso-8859-1"), Dialect(";", encoding="utf-8-sig"))

ADDED = (
    *(b'"', b'""', b",", b";", b"\n", b"\r", b"\r\n", b"\0", b"\xef\xbb\xbf", b"\xff\xfe"),
    *(b"\xa3", b"\\", b"#", b" ", b"\t"),
)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Return the bytes with one to six changes: flipped, added, deleted, doubled, exchanged, moved, cut off."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        at, length = rng.randrange(len(changed) + 1), rng.choice((1, 1, 2, 5, 40, 200))
        there = rng.randrange(len(changed) + 1)
        piece = changed[at : at + length]
        kind = rng.randrange(12)
        if kind < 2 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind < 3:
            changed[at:at] = rng.randbytes(length)
        elif kind < 7:
            changed[at:at] = rng.choice(ADDED)
        elif kind < 8:
            del changed[at : at + length]
        elif kind < 9:
            changed[at:at] = piece
        elif kind < 10:
            changed[there:there] = piece
        elif kind < 11:
            changed[at : at + length], changed[there : there + length] = changed[there : there + length], piece
        else:
            del changed[at:]
    return bytes(changed)


class _At(Enum):
    RECORD_START = auto()
    FIELD_START = auto()
    PLAIN = auto()
    QUOTED = auto()
    QUOTE_IN_QUOTED = auto()


@dataclass(frozen=True)
class Record:
    """A record of the independent parser, in a file with the given line end."""

    text: bytes
    fields: int
    line_end: bytes

    @property
    def least_lines(self) -> int:
        """0 for a line that holds only line ends, which may count as blank."""
        return 1 if self.text.strip(b"\r\n") else 0

    @property
    def most_lines(self) -> int:
        """1, unless the record swallowed other lines.

        A quote that is left open makes one record of several lines: it counts as one broken line, or as each of them.
        A description of several lines is part of one. A line end of another kind than the file's may count.
        """
        lines = [line for line in re.split(rb"\r\n|\r|\n", self.text) if line]
        line_ends_differ = re.search(rb"[\r\n]", self.text.replace(self.line_end, b"")) is not None
        is_split_right = self.fields == len(HEADER) and all(
            len(re.findall(rb"[,;]", line)) < len(HEADER) for line in lines
        )
        return 1 if is_split_right and not line_ends_differ else max(1, len(lines))


def records(content: bytes, dialect: Dialect) -> Iterator[Record]:
    """Parse the records (RFC 4180) of lines without a header.

    Where the standard leaves it open: an empty line is no record; a quote inside a field that does not begin with one
    is a plain character; what follows a closing quote belongs to the field; a quote that is never closed reaches to the
    end; a line ends as the header does.
    """
    delimiter, line_end = ord(dialect.delimiter), dialect.line_end.encode()
    at, begin, fields = _At.RECORD_START, 0, 1
    for position, byte in enumerate(content):
        if at is _At.QUOTED:
            at = _At.QUOTE_IN_QUOTED if byte == QUOTE else at
        elif at is _At.QUOTE_IN_QUOTED and byte == QUOTE:
            at = _At.QUOTED
        elif byte == line_end[-1] and content.endswith(line_end, begin, position + 1):
            text = content[begin : position + 1 - len(line_end)]
            if text:
                yield Record(text, fields, line_end)
            at, begin, fields = _At.RECORD_START, position + 1, 1
        elif byte == delimiter:
            at, fields = _At.FIELD_START, fields + 1
        elif byte == QUOTE and at in (_At.RECORD_START, _At.FIELD_START):
            at = _At.QUOTED
        else:
            at = _At.PLAIN
    if content[begin:]:
        yield Record(content[begin:], fields, line_end)


def count_lines(spark: SparkSession, folder: Path) -> tuple[dict[str, int], dict[str, str]]:
    """Return the number of lines of each file, read in one job, and the message of each file that is refused."""
    files, refused = [], {}
    for path in sorted(folder.iterdir()):
        try:
            files += find_input(spark, [str(path)], INPUT)
        except InputError as error:
            refused[path.name] = str(error)
    counts = read_lines(spark, files, INPUT).groupBy(s.SOURCE_FILE).agg(F.count("*")).collect()
    lines = {Path(file.path).name: 0 for file in files} | {Path(path).name: count for path, count in counts}
    return lines, refused


def test_the_files_are_good_before_they_are_mutated(spark: SparkSession, tmp_path: Path) -> None:
    for number, dialect in enumerate(DIALECTS):
        (tmp_path / f"{number}.csv").write_bytes(dialect.header + dialect.body)
        assert [(record.fields, record.most_lines) for record in records(dialect.body, dialect)] == [(8, 1)] * 20
    assert count_lines(spark, tmp_path) == ({f"{number}.csv": 20 for number in range(len(DIALECTS))}, {})


def test_every_line_of_a_mutated_file_is_counted(spark: SparkSession, tmp_path: Path) -> None:
    rng = random.Random(20111209)
    expected: dict[str, list[Record]] = {}
    for number in range(MUTATIONS):
        dialect = DIALECTS[number % len(DIALECTS)]
        body = mutated(dialect.body, rng)
        name = f"lines-{number:05}.csv"
        (tmp_path / name).write_bytes(dialect.header + body)
        expected[name] = list(records(body, dialect))
    lines, refused = count_lines(spark, tmp_path)
    assert len(lines) > MUTATIONS * 3 // 4
    wrong = {}
    for name, count in lines.items():
        least = sum(record.least_lines for record in expected[name])
        most = sum(record.most_lines for record in expected[name])
        if not least <= count <= most:
            wrong[name] = (count, (tmp_path / name).read_bytes())
    assert wrong == {}
    for name, message in refused.items():
        assert re.fullmatch(rf"[^\n]*{name}: [^\n]+", message)
