"""CSV files damaged at random, and how many records an independent parser finds in them.

For a long search: `python -m tests.segmentation.ingest.mutated_csv 100000 --seed 7` lists every
file in which the job counts other lines than the parser does.
"""

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.parse import parse_lines
from segmentation.cleaning.rules import judge_lines
from segmentation.config.settings import CleaningSettings, InputSettings
from segmentation.errors import InputError
from segmentation.ingest.files import find_input
from segmentation.ingest.read import read_lines
from segmentation.session import SETTINGS

HEADER = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
INPUT = InputSettings(columns=dict(zip(s.LINE_FIELDS, HEADER, strict=True)))
CLEANING = CleaningSettings(date_formats=("iso", "M/d/yyyy[ H:mm[:ss]]"))
AS_OF = date(2011, 1, 1)

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
    """A way in which good files are written."""

    delimiter: str = ","
    line_end: str = "\n"
    encoding: str = "utf-8"

    @property
    def header(self) -> bytes:
        return (self.delimiter.join(HEADER) + self.line_end).encode(self.encoding)

    @property
    def body(self) -> bytes:
        """Twenty lines with all that makes reading hard."""
        lines = []
        for number in range(20):
            fields = [str(536365 + number // 3), "85123A", DESCRIPTIONS[number % len(DESCRIPTIONS)], str(number + 1)]
            fields += ["12/1/2010 8:26", "2.55", "" if number % 7 == 6 else "17850", "France"]
            lines.append(self.delimiter.join(fields).replace("\n", self.line_end) + self.line_end)
        return "".join(lines).encode(self.encoding.removesuffix("-sig"))


DIALECTS = (Dialect(), Dialect(line_end="\r\n", encoding="iso-8859-1"), Dialect(";", encoding="utf-8-sig"))

PUT_IN = (
    *(b'"', b'""', b",", b";", b"\n", b"\r", b"\r\n", b"\0", b"\xef\xbb\xbf", b"\xff\xfe"),
    *(b"\xa3", b"\\", b"#", b" ", b"\t"),
)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The bytes with one to six changes: bits flipped, bytes put in, left out, doubled, exchanged, moved, cut off."""
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
            changed[at:at] = rng.choice(PUT_IN)
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
    """A record as the independent parser finds it, in a file with the given line end."""

    text: bytes
    fields: int
    line_end: bytes

    @property
    def least_lines(self) -> int:
        """None for a line that holds only line ends, which may count as blank."""
        return 1 if self.text.strip(b"\r\n") else 0

    @property
    def most_lines(self) -> int:
        """How many lines it may count for: one, unless it took in lines that are not its own.

        A quote that is left open makes one record of several lines: it counts as one broken line, or as each of the
        lines. A description of several lines is part of one. A line end of another kind than the file's may count.
        """
        lines = [line for line in re.split(rb"\r\n|\r|\n", self.text) if line]
        line_ends_differ = re.search(rb"[\r\n]", self.text.replace(self.line_end, b"")) is not None
        is_split_right = self.fields == len(HEADER) and all(
            len(re.findall(rb"[,;]", line)) < len(HEADER) for line in lines
        )
        return 1 if is_split_right and not line_ends_differ else max(1, len(lines))


def records(content: bytes, dialect: Dialect) -> Iterator[Record]:
    """The records (RFC 4180) of lines without a header.

    What the standard leaves open: a line without a character is no record; a quote inside a field that does not begin
    with one is a character like any other; what follows a closing quote belongs to the field, as plain text; a quote
    that is never closed reaches to the end; a line ends as the header does.
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


def least(found: Sequence[Record]) -> int:
    return sum(record.least_lines for record in found)


def most(found: Sequence[Record]) -> int:
    return sum(record.most_lines for record in found)


@dataclass(frozen=True)
class Reading:
    """What became of files, by name: how many lines were accounted for, or the message with which it was refused."""

    lines: Mapping[str, int]
    refused: Mapping[str, str]


def read(spark: SparkSession, paths: Sequence[Path]) -> Reading:
    """Every line of each file that is not refused ends as clean, a guest's or rejected; all are counted in one job."""
    refused, files = {}, []
    for path in paths:
        try:
            files += find_input(spark, [str(path)], INPUT)
        except InputError as error:
            refused[path.name] = str(error)
    lines = parse_lines(read_lines(spark, files, INPUT), CLEANING)
    counted = judge_lines(lines, CLEANING, AS_OF).groupBy(s.SOURCE_FILE).agg(F.count(F.lit(1)).alias("lines"))
    found = {Path(row[s.SOURCE_FILE]).name: row["lines"] for row in counted.collect()}
    return Reading({path.name: found.get(path.name, 0) for path in paths if path.name not in refused}, refused)


def miscounted(spark: SparkSession, folder: Path, number: int, rng: random.Random) -> tuple[list[str], Reading]:
    """Reads so many files with mutated lines below their header; tells in which it counts other than the parser."""
    found: dict[str, list[Record]] = {}
    for count in range(number):
        dialect = DIALECTS[count % len(DIALECTS)]
        body = mutated(dialect.body, rng)
        path = folder / f"lines-{count:05}.csv"
        path.write_bytes(dialect.header + body)
        found[path.name] = list(records(body, dialect))
    reading = read(spark, sorted(folder.iterdir()))
    wrong = [
        f"{name}: {lines} lines, the parser finds {len(found[name])} records: {(folder / name).read_bytes()!r}"
        for name, lines in reading.lines.items()
        if not least(found[name]) <= lines <= most(found[name])
    ]
    return wrong, reading


def search(spark: SparkSession, number: int, seed: int, at_once: int = 2000) -> Iterator[str]:
    """Tries so many mutations, and tells of its progress and of every file that is counted wrongly."""
    rng = random.Random(seed)
    refused: Counter[str] = Counter()
    count = 0
    for first in range(0, number, at_once):
        with TemporaryDirectory(prefix="mutated-") as folder:
            wrong, reading = miscounted(spark, Path(folder), min(at_once, number - first), rng)
        count += len(wrong)
        refused.update(message.partition(": ")[2] for message in reading.refused.values())
        yield from wrong
        yield f"{first + len(reading.lines) + len(reading.refused):,} mutations, {count} counted wrongly"
    yield from (f"refused {times:,}: {message}" for message, times in refused.most_common())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", type=int, help="how many files to mutate")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    builder = SparkSession.builder.master("local[*]")
    for key, value in {**SETTINGS, "spark.ui.enabled": "false", "spark.log.level": "ERROR"}.items():
        builder = builder.config(key, value)
    for line in search(builder.getOrCreate(), arguments.number, arguments.seed):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
