"""A configuration for files that come without one: guessed from their headers and some of their lines, and told."""

import logging
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from segmentation import schemas as s
from segmentation.config.files import config_of, flow, with_overrides
from segmentation.config.settings import RunConfig
from segmentation.errors import InputError
from segmentation.guess.columns import CERTAIN, ColumnGuess, guess_columns
from segmentation.guess.dates import DateGuess, guess_dates
from segmentation.guess.samples import (
    FILES_WITH_VALUES,
    MOSTLY,
    Finding,
    Sample,
    Values,
    blanks_of,
    findings_of,
    samples_of,
    share,
)
from segmentation.ingest.files import shortened_names

logger = logging.getLogger(__name__)

# Fewer fields than that do not make a sheet one of lines, nor a delimiter one.
FEWEST_FIELDS = 3
# What a line may lack and still count.
MAY_BE_BLANK = frozenset({s.DESCRIPTION, s.CUSTOMER_ID, s.COUNTRY})
# Without any value to look at: what the configurations of conf/ try.
USUAL_DATES = DateGuess(
    ("iso", "M/d/yyyy[ H:mm[:ss]]", "d-M-yyyy[ H:mm[:ss]]", "excel"), "there is no value to look at"
)
GUESSED = "the configuration guessed"
NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z"


class GuessError(InputError):
    """A header that does not tell which column is which; the part that is known is shown before the message."""

    def __init__(self, message: str, before: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.before = before


def guess_config(inputs: Sequence[str], overrides: Sequence[str]) -> tuple[RunConfig, Sequence[str]]:
    """The configuration of a run over files of this machine, and in lines for a person how it was guessed, which are
    logged; what `overrides` say is not guessed.

    Raises GuessError where a field's column is not found or not certain, where files differ, and where dates, prices
    or quantities are written in no known way; InputError for files that cannot be read.
    """
    given = with_overrides({}, overrides)
    # What is set is judged before any file is opened: the columns stand for those to be guessed.
    asked = config_of(_document(dict(zip(s.LINE_FIELDS, s.LINE_FIELDS, strict=True))), overrides, GUESSED)
    how = asked.input
    samples = samples_of(inputs, how.csv, how.format, None if how.sheets == "all" else how.sheets)
    fixed = {field: name for field, name in how.columns.by_field.items() if field in _at(given, "input", "columns")}
    samples, columns = _agreed(samples, fixed)
    place = samples[0].path + (f" and {len(samples) - 1:,} more" if len(samples) > 1 else "")
    if columns.missing:
        raise _failed(place, samples, columns)
    values = _values(samples, columns.columns)
    dates = _dates(place, values, columns.columns, given)
    _require_numbers(place, values, columns.columns)
    findings = findings_of(samples, columns.columns, values, asked.cleaning)
    findings = [finding for finding in findings if not _is_set(finding.key, given)]
    document = _document(columns.columns)
    for key, value in [("cleaning.date_formats", list(dates.formats)), *((one.key, one.value) for one in findings)]:
        _put(document, key, value)
    config = config_of(document, overrides, f"{GUESSED} from {place}")
    told = [*_told(place, columns, dates, findings), *blanks_of(samples, columns.columns)]
    for line in [*told, "  Wrong, or to keep? --write-config FILE writes it all as a configuration to change"]:
        logger.info("%s", line)
    return config, told


def _document(columns: Mapping[str, str]) -> dict[str, Any]:
    """The classic recipe, as in conf/online_retail.yaml, over the given columns."""
    return {
        "input": {"columns": dict(columns)},
        "cleaning": {"date_formats": list(USUAL_DATES.formats)},
        "clustering": {"features": [{"feature": s.TOTAL_SPEND}, {"feature": s.PURCHASE_FREQUENCY}]},
    }


def _agreed(samples: Sequence[Sample], fixed: Mapping[str, str]) -> tuple[list[Sample], ColumnGuess]:
    """The samples that hold lines, and the columns that are in all of them; GuessError where these differ."""
    guesses = [_best_guess(sample, fixed) for sample in samples]
    most = max(len(guess.columns) for guess in guesses)
    # A cover or notes beside the sheets with lines.
    kept = [
        (sample, guess)
        for sample, guess in zip(samples, guesses, strict=True)
        if sample.kind != "xlsx" or len(guess.columns) >= min(FEWEST_FIELDS, most)
    ]
    first, guess = kept[0]
    if all(one.columns == guess.columns for _, one in kept):
        return [sample for sample, _ in kept], guess
    # An object leaves out a key without a value, and a file may have a column more: what all have is looked at alone.
    of_objects = dict.fromkeys(name for sample, _ in kept if sample.kind == "json" for name in sample.names)
    names = [set(_names(sample, one)) for sample, one in kept if sample.kind != "json"] + [set(of_objects)] * bool(
        of_objects
    )
    common = [name for name in (of_objects or _names(first, guess)) if all(name in found for found in names)]
    together = guess_columns(common, fixed)
    if together.missing:
        other, different = next((sample, one) for sample, one in kept if one.columns != guess.columns)
        field = next(field for field in s.LINE_FIELDS if guess.columns.get(field) != different.columns.get(field))
        held = [
            f"in {place} {one.columns.get(field, 'none')!r}"
            for place, one in ((first.path, guess), (other.path, different))
        ]
        raise GuessError(
            f"the files differ: {field} seems to be {', '.join(held)}: let their headers be alike, or run them apart"
        )
    return [sample for sample, _ in kept], together


def _best_guess(sample: Sample, fixed: Mapping[str, str]) -> ColumnGuess:
    """The guess over the names in the header, for a text file by the delimiter that finds the most fields."""
    guesses = [guess_columns(names, fixed) for names in sample.delimited.values() or [sample.names]]
    return max(guesses, key=lambda guess: len(guess.columns))


def _names(sample: Sample, guess: ColumnGuess) -> Sequence[str]:
    return next(
        (names for names in sample.delimited.values() if set(guess.columns.values()) <= set(names)), sample.names
    )


def _values(samples: Sequence[Sample], columns: Mapping[str, str]) -> dict[str, list[str]]:
    """Some values of each field, of all files together."""
    found: dict[str, list[str]] = {field: [] for field in columns}
    for sample in samples[:FILES_WITH_VALUES]:
        taken = sample.values(list(columns.values()))
        for field, column in columns.items():
            found[field] += [value.strip() for value in taken[column] if value.strip()]
    return found


def _dates(place: str, values: Values, columns: Mapping[str, str], given: Mapping[str, Any]) -> DateGuess:
    formats = _at(given, "cleaning").get("date_formats")
    if formats is not None:
        return DateGuess(tuple(formats), "as --set says")
    if not values[s.INVOICE_DATE]:
        return USUAL_DATES
    guess = guess_dates(values[s.INVOICE_DATE])
    if guess is None:
        raise GuessError(
            f"{place}: the column {columns[s.INVOICE_DATE]!r} holds no dates in a known way: name another with --set "
            "'input.columns.invoice_date=COLUMN', or its formats with --set 'cleaning.date_formats=[d.M.yyyy]'"
        )
    return guess


def _require_numbers(place: str, values: Values, columns: Mapping[str, str]) -> None:
    """GuessError where a price or a quantity is seldom a number that the job reads: all other lines would be lost."""
    for field in (s.QUANTITY, s.UNIT_PRICE):
        numbers = share(NUMBER, values[field])
        if numbers < MOSTLY:
            held = f"numbers in only {numbers:.0%} of its lines" if numbers else "no numbers"
            raise GuessError(
                f"{place}: the column {columns[field]!r} (for {field}) holds {held} as in 2.55, without currency, "
                f"thousands or a decimal comma: write them so, or name another by --set 'input.columns.{field}=COLUMN'"
            )


def _told(place: str, columns: ColumnGuess, dates: DateGuess, findings: Sequence[Finding]) -> Sequence[str]:
    lines = [f"Guessed from {place}:", *_mapping(columns)]
    lines.append(f"  dates: {flow(list(dates.formats))}")
    lines.append(f"    {dates.why}")
    if dates.exchanged:
        lines.append(f"    wrong? --set {shlex.quote(f'cleaning.date_formats={flow(dates.otherwise)}')}")
    return [*lines, *(line for finding in findings for line in finding.told)]


def _mapping(columns: ColumnGuess) -> list[str]:
    lines = []
    for field in s.LINE_FIELDS:
        if field in columns.columns:
            how = columns.known_by[field]
            lines.append(f"  {field:<13} <- {columns.columns[field]}" + (f"  ({how})" if how not in CERTAIN else ""))
        else:
            lines.append(f"  {field:<13} <- ?  {columns.missing[field]}")
    return lines


def _failed(place: str, samples: Sequence[Sample], columns: ColumnGuess) -> GuessError:
    """What was found, what was not, and the part of a configuration that is known, to be completed."""
    names = _names(samples[0], columns)
    if not columns.columns:  # it may be a line of data, of which nothing is to be shown
        return GuessError(
            f"{place}: {len(names):,} fields, none of them named like a column: put a header above the lines, or name "
            "the columns in a configuration, as conf/online_retail.yaml does, and give it by --config"
        )
    problems = "; ".join(f"{field} {why}" for field, why in columns.missing.items())
    ending = "" if problems.endswith("?") else "."
    known = [f"    {field}: {flow(columns.columns.get(field, '?'))}" for field in s.LINE_FIELDS]
    before = [
        f"Guessed from {place}:",
        *_mapping(columns),
        "To go on: copy conf/online_retail.yaml, and put in place of its columns these, completed:",
        *("input:", "  columns:", *known),
    ]
    settings = " ".join(f"'input.columns.{field}=COLUMN'" for field in columns.missing)
    may_be_blank = (
        ": what the shop does not have may be an empty column" if columns.missing.keys() <= MAY_BE_BLANK else ""
    )
    return GuessError(
        f"{place}: {problems}{ending} Found: {shortened_names(names)}. Set what is missing by --set {settings}, or "
        f"give a configuration by --config. All eight are needed{may_be_blank}",
        before,
    )


def _at(document: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """A section of a document; an empty one where there is none."""
    for key in keys:
        inner = document.get(key)
        document = inner if isinstance(inner, Mapping) else {}
    return document


def _is_set(key: str, given: Mapping[str, Any]) -> bool:
    *sections, last = key.split(".")
    return last in _at(given, *sections)


def _put(document: dict[str, Any], key: str, value: Any) -> None:
    """Sets a key of a document by its path."""
    *sections, last = key.split(".")
    for section in sections:
        document = document.setdefault(section, {})
    document[last] = value
