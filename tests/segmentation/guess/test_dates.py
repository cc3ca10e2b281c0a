"""The formats guessed for a column of dates are those by which Spark reads it."""

import doctest
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from segmentation.config.settings import CleaningSettings
from segmentation.guess import date_formats, dates
from segmentation.guess.date_formats import KNOWN
from segmentation.guess.dates import DateGuess, guess_dates
from segmentation.ingest.dates import EPOCHS, MONTHS, parsed_date, plain_date
from segmentation.ingest.values import Field

MOMENTS = [datetime(2010, 12, 1, 8, 26), datetime(2011, 1, 31, 23, 59), datetime(2012, 2, 29), datetime(2011, 5, 9, 12)]
WAYS = {
    "%Y-%m-%d %H:%M:%S": "iso",
    "%Y-%m-%dT%H:%M:%S.123Z": "iso",
    "%Y-%m-%d %H:%M:%S +0200": "iso",
    "%m/%d/%Y %H:%M": "M/d/yyyy[ H:mm[:ss]]",
    "%d/%m/%Y": "d/M/yyyy[ H:mm[:ss]]",
    "%d-%m-%Y %H:%M:%S": "d-M-yyyy[ H:mm[:ss]]",
    "%d.%m.%Y %H:%M:%S.250": "d.M.yyyy[ H:mm[:ss[.SSSSSS]]]",
    "%d/%m/%y %H:%M": "d/M/yy[ H:mm[:ss]]",
    "%m/%d/%Y %I:%M %p": "M/d/yyyy[ h:mm[:ss] a]",
    "%m/%d/%Y, %I:%M:%S %p": "M/d/yyyy[, h:mm[:ss] a]",
    "%d/%m/%YT%H:%M": "d/M/yyyy['T'H:mm[:ss[.SSSSSS]]]",
    "%Y/%m/%d %H:%M": "yyyy/M/d[ H:mm[:ss]]",
    "%Y%m%d": "yyyyMMdd[ H:mm[:ss]]",
    "%d %b %Y %H:%M": "d MMM yyyy[ H:mm[:ss]]",
    "%d-%b-%Y": "d-MMM-yyyy[ H:mm[:ss]]",
    "%B %d, %Y": "MMM d, yyyy[ H:mm[:ss]]",
    "%A, %d. %B %Y": "d. MMM yyyy[ H:mm[:ss]]",
    "%Y%m%d%H%M%S": "yyyyMMddHHmmss",
    "%Y%m%d%H%M": "yyyyMMddHHmm",
    "%m/%d/%Y %I:%M\u202f%p": "M/d/yyyy[ h:mm[:ss] a]",
    "%m/%d/%Y %I:%M:%S\u00a0%p UTC": "M/d/yyyy[ h:mm[:ss] a]",
    "%Y-%m-%d %H:%M UTC": "iso",
    "%d/%m/%Y %H:%M:%S GMT": "d/M/yyyy[ H:mm[:ss]]",
}
# Day by day from 1 December 2010.
DAYS = [date(2010, 12, 1) + timedelta(days=number) for number in range(90)]
SORTED = [date(2010, 12, 1) + timedelta(days=2 * number) for number in range(300)]


def guessed(values: Sequence[str]) -> DateGuess:
    guess = guess_dates(values)
    assert guess is not None
    return guess


@pytest.mark.parametrize(("way", "name"), WAYS.items())
def test_a_column_written_in_one_way_is_read_by_one_format(way: str, name: str):
    guess = guessed([moment.strftime(way) for moment in MOMENTS])
    assert [read_by for read_by in guess.formats if read_by != "iso" or name == "iso"] == [name]
    assert guess.swapped is None


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (["40513", "40513.35138888889"], "excel"),
        (["14944", "14945"], "epoch_days"),
        (["1291191960", "1291191960.0"], "epoch_seconds"),
        (["1291191960000"], "epoch_milliseconds"),
        (["1291191960000123"], "epoch_microseconds"),
    ],
)
def test_numbers_are_days_or_moments_since_a_day_when_shops_sell(values: list[str], name: str):
    assert guessed(values).formats == ("iso", name)


@pytest.mark.parametrize(
    ("values", "name", "reason"),
    [
        ([f"{day.day}/{day.month}/2010" for day in DAYS[:12]], "d/M/yyyy", "the day first: so all lie within 12 days"),
        (
            [f"{day.month}-{day.day}-2010" for day in DAYS[:12]],
            "M-d-yyyy",
            "the month first: so all lie within 12 days",
        ),
        (
            [f"{day:%d/%m/%Y}" for day in SORTED if day.day < 13],
            "d/M/yyyy",
            "the day first: so the lines are in the order",
        ),
        ([f"{day:%y/%m/%d}" for day in DAYS], "yy/M/d", "90 different values written so"),
        ([f"{day:%d/%m/%y}" for day in DAYS], "d/M/yy", "the day first: 54 different values with a number beyond 12"),
    ],
)
def test_dates_near_together_and_in_order_are_read_rightly(values: list[str], name: str, reason: str):
    guess = guessed(values)
    assert guess.formats[1].startswith(name)
    assert guess.reason.startswith(reason)


def test_dates_before_1990_and_in_the_future_decide_and_are_said():
    assert guessed(["12/1/1989", "1/2/1990"]).formats[1].startswith("M/d")
    assert guessed(["1/12/1989", "1/2/1990", "12/1/1989"]).doubt.startswith("2 of 3 different values before 1990 or in")
    assert "1 of 1 different value before 1990 or in the future" in guessed([f"1/2/{datetime.now(UTC).year + 2}"]).doubt
    assert guessed(["1941-12-01", "2010-12-01"]).doubt.endswith("such as 1941-12-01")
    assert guessed(["2010-12-01"]).doubt == ""


def test_months_are_read_in_six_languages_in_full_and_abbreviated():
    for number, words in enumerate(MONTHS.values(), 1):
        for word in words.split():
            for written in (f"1 {word} 2010", f"1 {word.upper()}. 2010 08:26", f"1. {word.title()} 2010"):
                [known] = [
                    known for known in KNOWN if known.name.endswith("MMM yyyy[ H:mm[:ss]]") and known.reads(written)
                ]
                assert known.date_of(written) == date(2010, number, 1)


@pytest.mark.parametrize(
    ("values", "taken", "other", "rule"),
    [
        (
            ["1/2/2010", "3/4/2010"],
            "M/d/yyyy[ H:mm[:ss]]",
            "d/M/yyyy[ H:mm[:ss]]",
            "the month first, as is usual with '/': no number beyond 12 distinguishes day and month",
        ),
        (
            ["1-2-2010", "3-4-2010"],
            "d-M-yyyy[ H:mm[:ss]]",
            "M-d-yyyy[ H:mm[:ss]]",
            "the day first, as is usual with '-'",
        ),
        (["01.02.10"], "d.M.yy[ H:mm[:ss]]", "M.d.yy[ H:mm[:ss]]", "the day first, as is usual with '.'"),
    ],
)
def test_the_usual_order_is_taken_where_the_values_show_none(values: list[str], taken: str, other: str, rule: str):
    guess = guessed(values)
    assert guess.formats == ("iso", taken)
    assert guess.swapped == other
    assert guess.reason.startswith(rule)


@pytest.mark.parametrize(
    ("values", "taken", "why"),
    [
        (
            ["1/2/2010", "12/13/2010", "13/4/2010 9:00", "14/4/2010"],
            "d/M/yyyy[ H:mm[:ss]]",
            "two orders are mixed: '13/4/2010 9:00' has the day first (2 different values like it), "
            "'12/13/2010' the month first (1 different value). All are read with the day first: ",
        ),
    ],
)
def test_of_two_orders_the_more_frequent_is_taken_with_a_value_of_each_shown(values: list[str], taken: str, why: str):
    guess = guessed(values)
    assert guess.formats == ("iso", taken)
    assert why in guess.reason
    assert guess.reason.endswith(f"1 of {len(values)} different values not read so, which makes their lines malformed")
    assert guess.swapped is None


def test_two_orders_in_two_formats_are_reported():
    months_first = [f"01/{day}/2024 9:00 AM" for day in range(13, 25)]
    guess = guessed(["13/01/2024 10:00", *months_first, "02/03/2024 9:00 AM"])
    assert (guess.formats, guess.swapped) == (("iso", "M/d/yyyy[ h:mm[:ss] a]"), None)
    assert (
        "two orders are mixed: '01/13/2024 9:00 AM' has the month first (12 different values like it), " in guess.reason
    )
    assert "'13/01/2024 10:00' the day first (1 different value). All are read with the month first: " in guess.reason
    assert guess.reason.endswith("1 of 14 different values not read so, which makes their lines malformed")


def test_dates_that_show_no_order_take_that_of_the_columns_others():
    guess = guessed(["13/01/2024 10:00", "02/03/2024 9:00 AM"])
    assert guess.formats == ("iso", "d/M/yyyy[ H:mm[:ss]]", "d/M/yyyy[ h:mm[:ss] a]")
    assert guess.reason == "the day first: 1 different value with a number beyond 12 as the day"
    assert guess.swapped is None


def test_dates_in_another_format_do_not_hide_an_order_that_is_assumed():
    guess = guessed(["1/2/2010", "2010-12-01", "2010-12-13"])
    assert (guess.formats, guess.swapped) == (("iso", "M/d/yyyy[ H:mm[:ss]]"), "d/M/yyyy[ H:mm[:ss]]")


@pytest.mark.parametrize("values", [[], ["", "  "], ["yesterday"], ["12345678901"], ["2010-13-01"], ["1 moi 2010"]])
def test_values_that_are_no_dates_have_no_format(values: list[str]):
    assert guess_dates(values) is None


def test_every_known_format_is_one_that_a_configuration_may_name():
    names = [known.name for known in KNOWN]
    assert len(names) == len(set(names))
    assert CleaningSettings(date_formats=tuple(names)).date_formats == tuple(names)


@given(st.lists(st.text(max_size=25), max_size=20))
def test_any_text_is_guessed_without_an_error(values: list[str]):
    guess_dates(values)


def test_a_known_format_reads_exactly_what_spark_reads_by_it(spark: SparkSession):
    unusual = [
        "2/30/2010",
        "30/2/2010",
        "13/13/2010",
        "1/2/2010 24:00",
        "1/2/2010 13:00 PM",
        "1/2/2010 0:30 AM",
        "2010-02-30",
    ]
    unusual += [
        "1/2/2010 8:60",
        "20101301",
        "1-Dec-10",
        "29-feb-2011",
        "32 May 2010",
        "4051",
        "40513.",
        "2010-1-2 8:3",
        "1/2/210",
    ]
    unusual += [
        "2010-12-01 08",
        "2010-12-01 08:26:00+01:00",
        "2010-12-01 08:26:00.5 -0500",
        "2010-12-01 08:26:00 +0200+0200",
        "2010-12-01 08:26 -0500",
        "2010-12-01 -0500",
        "1/2/2010  8:26",
        "1/2/2010 8:26PM",
        "1/2/2010T8:26",
        "May 1 2010",
        *("1. Dez. 2010", "2 März 2011", "1er août 2011 08:26", "1 de enero de 2011", "3-mrt-11", "December 2nd, 2010"),
        *("mercredi 1 décembre 2010", "1 nonsense 2010", "1. DÉC. 2010", "14944", "1291191960", "1291191960.5"),
        *("1291191960000", "1291191960000123", "129119196", "20101201082600", "20101301082600", "10/12/01"),
        *("1/2/2010 8:26 a.m.", "1/2/2010 8:26 P. M.", "2010-12-01 08:26 UTC", "2010-12-01T08:26Z", "1/2/2010 UTC"),
    ]
    values = [*unusual, *[moment.strftime(way) for way in WAYS for moment in MOMENTS]]
    frame = spark.createDataFrame([(value,) for value in values], "value string")
    text = plain_date(Field(F.col("value"), StringType()))
    named = {*WAYS.values(), *EPOCHS, "yy/M/d[ H:mm[:ss]]", "d-MMM-yy[ H:mm[:ss]]"}
    some = [known for known in KNOWN if known.name in named] + list(KNOWN[::12])
    read = [F.collect_list(F.when(parsed_date(text, [known.name]).isNotNull(), F.col("value"))) for known in some]
    by_spark = [
        set(read_back) for start in range(0, len(some), 20) for read_back in frame.agg(*read[start : start + 20]).head()
    ]
    for known, read_by_spark in zip(some, by_spark, strict=True):
        assert {value for value in values if known.reads(value)} == read_by_spark, known.name


def test_the_examples_in_its_docstrings_are_true():
    for module in (dates, date_formats):
        done = doctest.testmod(module)
        assert (done.failed, done.attempted > 0) == (0, True)
