"""A configuration for files that come without one: guessed from their headers and some of their lines, and told."""

import logging
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from segmentation.column_guess import LOOSE, NEARLY, ColumnGuess, guess_columns, words_of
from segmentation.config import RunConfig, config_of
from segmentation.config_document import with_overrides
from segmentation.config_text import flow
from segmentation.date_guess import DateGuess, guess_dates
from segmentation.errors import InputError
from segmentation.header_samples import FILES_WITH_VALUES, Sample, Values, samples_of
from segmentation.headers import names_shown
from segmentation.schemas import (
    INVOICE_DATE,
    INVOICE_NO,
    LINE_FIELDS,
    PURCHASE_FREQUENCY,
    QUANTITY,
    STOCK_CODE,
    TOTAL_SPEND,
    UNIT_PRICE,
)
from segmentation.text_files import DELIMITERS

logger = logging.getLogger(__name__)

# Fewer fields than that do not make a sheet one of lines, nor a delimiter one.
FEWEST_FIELDS = 3
# Without any value to look at: what the configurations of conf/ try.
USUAL_DATES = DateGuess(
    ("iso", "M/d/yyyy[ H:mm[:ss]]", "d-M-yyyy[ H:mm[:ss]]", "excel"), "there is no value to look at"
)
# The share of invoices or stock codes that must be written as the rule has it for the rule to be taken.
MOSTLY = 0.9
SALE, CANCELLATION, GOODS, ANY = "^[0-9]", "C", "^[0-9]{5}", "^."
CANCELLATION_RULE = "cancellation"
GUESSED = "the configuration guessed"
# Columns known in such a way are for the reader to check.
TO_CHECK = (LOOSE, NEARLY)
CURRENCIES = {"gbp": "£", "usd": "$", "eur": "€", "chf": "CHF ", "inr": "₹"}
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
    asked = config_of(_document(dict(zip(LINE_FIELDS, LINE_FIELDS, strict=True))), overrides, GUESSED).input
    sheets = None if asked.sheets == "all" else asked.sheets
    samples = samples_of(inputs, asked.csv, asked.format, sheets)
    fixed = {field: name for field, name in asked.columns.by_field.items() if field in _at(given, "input", "columns")}
    samples, columns = _agreed(samples, fixed)
    place = samples[0].path + (f" and {len(samples) - 1:,} more" if len(samples) > 1 else "")
    if columns.missing:
        raise _failed(place, samples, columns)
    values = _values(samples, columns.columns)
    dates = _dates(place, values, columns.columns, given)
    _require_numbers(place, values, columns.columns)
    document, notes = _fitting(_document(columns.columns), samples, columns.columns, dates, values)
    config = config_of(document, overrides, f"{GUESSED} from {place}")
    told = _told(place, columns, dates, notes, config)
    for line in [*told, "  Wrong, or to keep? --write-config FILE writes it all as a configuration to change"]:
        logger.info("%s", line)
    return config, told


def _document(columns: Mapping[str, str]) -> dict[str, Any]:
    """The classic recipe, as in conf/online_retail.yaml, over the given columns."""
    return {
        "input": {"columns": dict(columns)},
        "cleaning": {"date_formats": list(USUAL_DATES.formats)},
        "clustering": {"features": [{"feature": TOTAL_SPEND}, {"feature": PURCHASE_FREQUENCY}]},
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
        field = next(field for field in LINE_FIELDS if guess.columns.get(field) != different.columns.get(field))
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
    if not values[INVOICE_DATE]:
        return USUAL_DATES
    guess = guess_dates(values[INVOICE_DATE])
    if guess is None:
        raise GuessError(
            f"{place}: the column {columns[INVOICE_DATE]!r} holds no dates in a known way: name another with --set "
            "'input.columns.invoice_date=COLUMN', or its formats with --set 'cleaning.date_formats=[d.M.yyyy]'"
        )
    return guess


def _require_numbers(place: str, values: Values, columns: Mapping[str, str]) -> None:
    """GuessError where a price or a quantity is seldom a number that the job reads: all other lines would be lost."""
    for field in (QUANTITY, UNIT_PRICE):
        share = _share(NUMBER, values[field])
        if share < MOSTLY:
            held = f"numbers in only {share:.0%} of its lines" if share else "no numbers"
            raise GuessError(
                f"{place}: the column {columns[field]!r} (for {field}) holds {held} as in 2.55, without currency, "
                f"thousands or a decimal comma: write them so, or name another by --set 'input.columns.{field}=COLUMN'"
            )


def _fitting(
    document: dict[str, Any],
    samples: Sequence[Sample],
    columns: Mapping[str, str],
    dates: DateGuess,
    values: Values,
) -> tuple[dict[str, Any], dict[str, str]]:
    """The document with what the values ask for, and for each thing that is not as usual why, by its key."""
    notes: dict[str, str] = {}
    cleaning = document["cleaning"]
    cleaning["date_formats"] = list(dates.formats)
    invoices = [value for value in values[INVOICE_NO] if not value.upper().startswith(CANCELLATION)]
    if _share(SALE, invoices) < MOSTLY:
        cleaning["sale_invoice_pattern"] = ANY
        notes["cleaning.sale_invoice_pattern"] = "invoices begin with letters too: each is a sale"
    if _is_no_cancellation(samples, columns):
        cleaning["switched_off"] = [CANCELLATION_RULE]
        notes["cleaning.switched_off"] = (
            f"invoices that begin with {CANCELLATION} sell like others: none is a cancellation"
        )
    if _share(GOODS, values[STOCK_CODE]) < MOSTLY:
        document["rollups"] = {"merchandise_pattern": ANY}
        notes["rollups.merchandise_pattern"] = "stock codes do not all begin with five digits: all are goods"
    currency = next((CURRENCIES[word] for word in words_of(columns[UNIT_PRICE]) if word in CURRENCIES), None)
    if currency:
        document["charts"] = {"currency": currency}
        notes["charts.currency"] = f"from the name of {columns[UNIT_PRICE]!r}"
    delimiter = _unusual_delimiter(samples, columns)
    if delimiter:
        document["input"]["csv"] = {"delimiter": delimiter}
        notes["input.csv.delimiter"] = "of the header"
    return document, notes


def _share(pattern: str, values: Sequence[str]) -> float:
    """How many of the values begin in such a way, as a share of one: of none, all."""
    return sum(bool(re.match(pattern, value)) for value in values) / len(values) if values else 1.0


def _is_no_cancellation(samples: Sequence[Sample], columns: Mapping[str, str]) -> bool:
    """Whether invoices begin with a C, and on none of them a quantity is below zero."""
    begin_so = False
    for sample in samples[:FILES_WITH_VALUES]:
        taken = sample.values([columns[INVOICE_NO], columns[QUANTITY]])
        for invoice, quantity in zip(taken[columns[INVOICE_NO]], taken[columns[QUANTITY]], strict=False):
            if invoice.strip().upper().startswith(CANCELLATION):
                begin_so = True
                if quantity.strip().startswith("-"):
                    return False
    return begin_so


def _unusual_delimiter(samples: Sequence[Sample], columns: Mapping[str, str]) -> str | None:
    wanted = set(columns.values())
    for sample in samples:
        fitting = [delimiter for delimiter, names in sample.delimited.items() if wanted <= set(names)]
        if fitting and not set(fitting) & set(DELIMITERS):
            return fitting[0]
    return None


def _told(
    place: str, columns: ColumnGuess, dates: DateGuess, notes: Mapping[str, str], config: RunConfig
) -> Sequence[str]:
    lines = [f"Guessed from {place}:", *_mapping(columns)]
    lines.append(f"  dates: {flow(list(dates.formats))}")
    lines.append(f"    {dates.why}")
    if dates.exchanged:
        other = [dates.exchanged if one in dates.formats[1:2] else one for one in dates.formats]
        lines.append(f"    wrong? --set {shlex.quote(f'cleaning.date_formats={flow(other)}')}")
    settings = config.model_dump()
    for key, why in notes.items():
        section, _, rest = key.partition(".")
        value: Any = settings[section]
        for part in rest.split("."):
            value = value[part]
        lines.append(f"  {key}: {flow(value)} ({why})")
    return lines


def _mapping(columns: ColumnGuess) -> list[str]:
    lines = []
    for field in LINE_FIELDS:
        if field in columns.columns:
            how = columns.known_by[field]
            lines.append(f"  {field:<13} <- {columns.columns[field]}" + (f"  ({how})" if how in TO_CHECK else ""))
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
    known = [f"    {field}: {flow(columns.columns.get(field, '?'))}" for field in LINE_FIELDS]
    before = [
        f"Guessed from {place}:",
        *_mapping(columns),
        "To go on: copy conf/online_retail.yaml, and put in place of its columns these, completed:",
        *("input:", "  columns:", *known),
    ]
    field = next(iter(columns.missing))
    return GuessError(
        f"{place}: {problems}. Found: {names_shown(names)}. Name it by --set 'input.columns.{field}=COLUMN', or "
        "give a configuration by --config. All eight are needed: what the shop does not have may be an empty column",
        before,
    )


def _at(document: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """A section of a document; an empty one where there is none."""
    for key in keys:
        inner = document.get(key)
        document = inner if isinstance(inner, Mapping) else {}
    return document
