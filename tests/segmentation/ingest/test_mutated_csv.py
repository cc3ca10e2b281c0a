"""Whatever happens to the bytes of a CSV file, each of its lines is accounted for, or the file is refused."""

import random
import re
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.errors import InputError
from segmentation.ingest.files import find_input
from segmentation.ingest.read import read_errors_named, read_lines
from tests.segmentation.ingest.mutated_csv import DIALECTS, INPUT, Dialect, miscounted, mutated, read, records

MUTATIONS = 300
MUTATED_HEADERS = 60


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_lines_that_are_mutated_are_good_at_first(spark: SparkSession, tmp_path: Path, dialect: Dialect):
    (tmp_path / "good.csv").write_bytes(dialect.header + dialect.body)
    assert read(spark, [tmp_path / "good.csv"]).lines == {"good.csv": 20}
    assert [(record.fields, record.most_lines) for record in records(dialect.body, dialect)] == [(8, 1)] * 20


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", []),
        (b"\n\n", []),
        (b'1,"2\n\n3"\n4', [(2, 2), (1, 1)]),
        (b'1"2\n3"4\n', [(1, 1), (1, 1)]),  # quotes inside plain fields
        (b'"1""2",3\n"4"5,6\n7', [(2, 1), (2, 1), (1, 1)]),
        (b'1,"2\n3,4\n\n5', [(2, 3)]),  # a quote that is left open
        (b"1\r2\n3\r\n\r\n", [(1, 2), (1, 1), (1, 1)]),
    ],
)
def test_the_independent_parser_finds_records_fields_and_lines(content: bytes, found: list[tuple[int, int]]):
    assert [(record.fields, record.most_lines) for record in records(content, Dialect())] == found


def test_every_line_of_a_mutated_file_is_accounted_for_or_the_file_refused(spark: SparkSession, tmp_path: Path):
    wrong, reading = miscounted(spark, tmp_path, MUTATIONS, random.Random(20111209))
    assert wrong == []
    assert len(reading.lines) > MUTATIONS * 3 // 4
    for name, message in reading.refused.items():
        assert re.fullmatch(rf"[^\n]*{name}: [^\n]+", message)


def test_a_file_with_a_mutated_header_is_read_or_refused_in_one_message(spark: SparkSession, tmp_path: Path):
    rng = random.Random(20111209)
    messages, counts = [], []
    for number in range(MUTATED_HEADERS):
        dialect = DIALECTS[number % len(DIALECTS)]
        path = tmp_path / "lines.csv"
        path.write_bytes(mutated(dialect.header, rng) + dialect.body)
        try:
            files = find_input(spark, [str(path)], INPUT)
            with read_errors_named(spark, files):
                counts.append(len(read_lines(spark, files, INPUT).collect()))
        except InputError as error:
            messages.append(str(error))
    assert MUTATED_HEADERS // 2 < len(messages) < MUTATED_HEADERS
    assert [message for message in messages if not re.fullmatch(r"[^\n]*lines\.csv: [^\n]+", message)] == []
    # None of the lines is lost; where the header has other columns, those that run over count line by line.
    most_lines = max(len(dialect.body.splitlines()) for dialect in DIALECTS)
    assert [count for count in counts if not 20 <= count <= most_lines] == []
