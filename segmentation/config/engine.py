"""Values of the configuration that an engine parses: regular expressions, datetime patterns, delimiters.

They are Java's and Spark's, so these have the last word: `require_readable`, before the input is looked at. What is
known to fail there is refused when the configuration is loaded, which needs no session.
"""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, get_args

from pydantic import AfterValidator, BaseModel, Field
from pyspark.sql import SparkSession

from segmentation.config.base import NonEmpty
from segmentation.errors import ConfigError, java_message

# Python writes these otherwise than Java, or Java not at all.
PYTHON_ONLY: Final = {
    "(?P<": "Java writes a named group (?<name>…)",
    "(?P=": "Java writes \\k<name>",
    "(?P>": "Java has no recursion",
    "(?(": "Java has no conditions",
    "(?#": "Java has no comments in brackets",
    "(?a": "Java has no flag a",
    "(?L": "Java has no flag L",
}
# Date formats that are no pattern.
NAMED_DATES: Final = ("iso", "excel", "epoch_seconds", "epoch_milliseconds", "epoch_microseconds", "epoch_days")
# Java reads these and Python does not: a pattern with one of them is left to Java.
JAVA_ONLY: Final = re.compile(r"\(\?<|\\[pPhHRQXzGkx]|&&")
# Nothing was sold before or will be after; Python and Java write years of fewer or more digits otherwise.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)


@dataclass(frozen=True)
class ReadBy:
    """The mark of a setting that an engine parses: `regex` by Java, `datetime` by Spark."""

    engine: str


def _regular_expression(text: str) -> str:
    for piece, remedy in PYTHON_ONLY.items():
        if piece in text.replace("\\(", ""):
            raise ValueError(f"must be a regular expression of Java, got {text!r}: {remedy}")
    try:
        with warnings.catch_warnings(action="ignore"):  # of what Python may read otherwise one day
            re.compile(text)
    except re.error as error:
        if not JAVA_ONLY.search(text):
            raise ValueError(f"must be a regular expression, got {text!r}: {error}") from None
    return text


def _date_format(text: str) -> str:
    unquoted = re.sub("'[^']*'", "", text)
    is_pattern = re.fullmatch(r"[yMdHhmsaS\[\] /.,:T'-]+", text) and all(letter in text for letter in "yMd")
    if text in NAMED_DATES:
        return text
    if not is_pattern:
        names = ", ".join(NAMED_DATES)
        raise ValueError(f"must be one of {names}, or a pattern of year, month and day such as d.M.yyyy, got {text!r}")
    if "'" in unquoted:
        raise ValueError(f"must close every quote, got {text!r}")
    if "T" in unquoted:
        raise ValueError(f"must have letters that stand for themselves in quotes, as yyyy-MM-dd'T'HH:mm, got {text!r}")
    return text


def possible_day(value: date) -> date:
    """Return a day on which a shop may sell. Raises ValueError for others."""
    if not FIRST_DAY <= value <= LAST_DAY:
        raise ValueError(f"must be a day from {FIRST_DAY} to {LAST_DAY}, got {value.isoformat()}")
    return value


Pattern = Annotated[NonEmpty, AfterValidator(_regular_expression), ReadBy("regex")]
DateFormat = Annotated[str, AfterValidator(_date_format), ReadBy("datetime")]
# Spark takes a backslash for the beginning of an escape, and a line cannot be split at its end or at quotes.
Delimiter = Annotated[str, Field(min_length=1, max_length=1, pattern=r"[^\"\\\r\n\x00]")]
Day = Annotated[date, AfterValidator(possible_day)]


def require_readable(spark: SparkSession, config: BaseModel, as_of: date | None = None) -> None:
    """Raise ConfigError with the key of every value that Java or Spark does not read, and why. Runs no query."""
    problems = []
    jvm: Any = spark._jvm
    if as_of is not None:
        try:
            possible_day(as_of)
        except ValueError as error:
            problems.append(f"as_of {error}")
    for key, value, engine in values_read_by_engines(config):
        try:
            if engine == "regex":
                jvm.java.util.regex.Pattern.compile(value)
            elif value not in NAMED_DATES:
                _datetime_formatter(jvm, value)
        except Exception as error:  # noqa: BLE001 - py4j raises every Java exception as its own type
            problems.append(f"{key}: Spark cannot read {value!r}: {java_message(error)}")
    if problems:
        raise ConfigError(f"configuration: {'; '.join(problems)}")


def values_read_by_engines(settings: BaseModel, section: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the key, the value and the engine of each setting that is marked with `ReadBy`; lists entry by entry."""
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from values_read_by_engines(value, f"{section}{name}.")
            continue
        marks = [mark for mark in (*field.metadata, *_metadata(field.annotation)) if isinstance(mark, ReadBy)]
        for text in value if isinstance(value, tuple) else (value,):
            if marks and isinstance(text, str):
                yield f"{section}{name}", text, marks[0].engine


def _metadata(annotation: Any) -> Iterator[Any]:
    """Yield what annotates the parts of a type, such as the entries of a tuple."""
    yield from getattr(annotation, "__metadata__", ())
    for inner in get_args(annotation):
        yield from _metadata(inner)


def _datetime_formatter(jvm: Any, pattern: str) -> None:
    """Let Spark make a formatter of a pattern, as its expressions do. The first query of a session takes seconds."""
    helper = getattr(getattr(jvm.org.apache.spark.sql.catalyst.util, "DateTimeFormatterHelper$"), "MODULE$")
    helper.buildFormatter(helper.convertIncompatiblePattern(pattern, True), jvm.java.util.Locale.US, True)
