"""Guess a configuration for files that come without one, and explain the guess."""

import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from segmentation import schemas as s
from segmentation.config.files import config_of, flow, with_overrides
from segmentation.config.settings import DecimalMark, RunConfig
from segmentation.guess.checks import (
    GuessError,
    decimal_of,
    require_amounts_of_lines,
    require_dates,
    require_numbers,
    require_one_currency,
    require_one_order,
)
from segmentation.guess.columns import CERTAIN, ColumnGuess, guess_columns
from segmentation.guess.dates import DateGuess, guess_dates
from segmentation.guess.documents import warn_of_documents
from segmentation.guess.numbers import NumberGuess
from segmentation.guess.samples import Sample, Values, lines_of, samples_of
from segmentation.guess.suggestions import Suggestion, suggest_settings
from segmentation.guess.weights import warn_of_lines_taken_out
from segmentation.ingest.files import shortened_names

logger = logging.getLogger(__name__)

# A sheet with fewer fields than this is a cover or notes, if another has more.
FEWEST_FIELDS = 3
# Of more lines without a stock code or a quantity, the column is none.
MOST_BLANK = 0.02
# For files without any value: the formats of the configurations in conf/.
USUAL_DATES = DateGuess(
    ("iso", "M/d/yyyy[ H:mm[:ss]]", "d-M-yyyy[ H:mm[:ss]]", "excel"), "there is no value to look at"
)
CURRENCY_KEYS = [f"input.columns.{s.CURRENCY}", "cleaning.currency"]
GUESSED = "the configuration guessed"


def guess_config(inputs: Sequence[str], overrides: Sequence[str]) -> tuple[RunConfig, Sequence[str]]:
    """Return the configuration of a run over local files, and the explanation of the guess in lines, which are logged.

    What `overrides` set is not guessed.

    Raises: GuessError if a field has no column or several, if files differ, or if dates, prices or quantities have no
    known form; InputError if a file cannot be read; ConfigError for wrong overrides.
    """
    given = [override.partition("=")[0] for override in overrides]
    # Validates the overrides before any file is opened, with the fields' names standing in for their columns.
    settings = config_of(_document(_stand_ins(given)), overrides, GUESSED)
    sheets = None if settings.input.sheets == "all" else settings.input.sheets
    fixed = {field: getattr(settings.input.columns, field) for field in s.INPUT_FIELDS}
    fixed = {field: column for field, column in fixed.items() if _is_set(f"input.columns.{field}", given)}
    samples = samples_of(inputs, settings.input.csv, settings.input.format, sheets, fixed, settings.input.decimal)
    samples, columns = _agree_on_columns(samples, fixed)
    source = samples[0].path + (f" and {len(samples) - 1:,} more" if len(samples) > 1 else "")
    if columns.missing:
        raise _incomplete(source, samples, columns)
    columns = _without_blanks(samples, columns, fixed)
    values = _values(samples, columns.columns)
    if _is_set("cleaning.date_formats", given):
        dates = DateGuess(settings.cleaning.date_formats, "as --set says")
    else:
        require_one_order(samples, columns.columns[s.INVOICE_DATE])
        dates = _dates(source, values, columns.columns)
    if _is_set("input.decimal", given):
        decimal = NumberGuess(settings.input.decimal, "as --set says")
    else:
        decimal = decimal_of(source, values, columns.columns)
    require_numbers(source, samples, values, columns.columns, decimal.decimal)
    if s.AMOUNT not in fixed:
        require_amounts_of_lines(source, samples, columns.columns)
    if not any(_is_set(key, given) for key in CURRENCY_KEYS):
        require_one_currency(source, samples, columns.columns, values)
    may_have_types = not _is_set(f"input.columns.{s.LINE_TYPE}", given) and not _is_set("cleaning.returns", given)
    suggestions = suggest_settings(samples, columns.columns, values, settings.cleaning, may_have_types)
    # The column of currencies and the code that counts go together.
    given += CURRENCY_KEYS if any(_is_set(key, given) for key in CURRENCY_KEYS) else []
    # Cancellations that are set are some, whatever their signs.
    given += ["cleaning.switched_off"] if _is_set("cleaning.cancellation_prefixes", given) else []
    suggestions = [suggestion for suggestion in suggestions if not _is_set(suggestion.key, given)]
    document = _document(columns.columns, dates, decimal.decimal)
    with_overrides(document, [f"{suggestion.key}={flow(suggestion.value)}" for suggestion in suggestions])
    config = config_of(document, overrides, f"{GUESSED} from {source}")
    explanation = _explain(source, columns, dates, decimal, suggestions)
    if dates.swapped:
        wrong = shlex.quote(f"cleaning.date_formats={flow(dates.alternative)}")
        logger.warning(
            "%s: no date shows the order of day and month: read with %s. Wrong? --set %s",
            *(source, dates.reason, wrong),
        )
    if dates.doubt:
        logger.warning(
            "%s: dates that no shop has: %s: check input.columns.invoice_date and cleaning.date_formats",
            *(source, dates.doubt),
        )
    warn_of_lines_taken_out(source, samples, columns.columns, decimal.decimal, suggestions)
    warn_of_documents(source, samples, config)
    for line in [*explanation, "  Wrong, or to keep? --write-config FILE writes it all as a configuration to change"]:
        logger.info("%s", line)
    return config, explanation


def _document(
    columns: Mapping[str, str], dates: DateGuess = USUAL_DATES, decimal: DecimalMark = "auto"
) -> dict[str, Any]:
    """Return the default recipe over the given columns, dates and numbers."""
    marked = {} if decimal == "auto" else {"decimal": decimal}
    return {"input": {"columns": dict(columns), **marked}, "cleaning": {"date_formats": list(dates.formats)}}


def _stand_ins(given: Sequence[str]) -> dict[str, str]:
    """Return the fields' names as their columns, with the kind of money that is given."""
    is_amount_given = _is_set(f"input.columns.{s.AMOUNT}", given)
    other = s.UNIT_PRICE if is_amount_given else s.AMOUNT
    return {field: field for field in s.INPUT_FIELDS if field != other}


def _agree_on_columns(samples: Sequence[Sample], fixed: Mapping[str, str | None]) -> tuple[list[Sample], ColumnGuess]:
    """Return the samples that hold lines, and the guess over the columns that all of them have.

    Raises: GuessError if they differ.
    """
    guess_of = cache(lambda names, folders: guess_columns(names, fixed, folders))  # most headers are alike
    guesses = [guess_of(tuple(sample.names), tuple(sample.folders)) for sample in samples]
    fewest = min(FEWEST_FIELDS, max(len(guess.columns) for guess in guesses))
    with_lines = [
        (sample, guess)
        for sample, guess in zip(samples, guesses, strict=True)
        if sample.kind != "xlsx" or len(guess.columns) >= fewest
    ]
    samples_with_lines = [sample for sample, _ in with_lines]
    first, guess = with_lines[0]
    different = [(sample, other) for sample, other in with_lines if other.columns != guess.columns]
    if not different:
        return samples_with_lines, guess
    # A file may have a column more than another: the guess is then made from the columns that all have.
    own, folders = _common_names(samples_with_lines)
    common = guess_columns(own, fixed, folders)
    if common.missing or any(other.columns.keys() - common.columns.keys() for _, other in with_lines):
        sample, other = different[0]
        field = next(field for field in s.INPUT_FIELDS if guess.columns.get(field) != other.columns.get(field))
        raise GuessError(
            f"the files differ: {field} seems to be in {first.path} {guess.columns.get(field, 'none')!r}, "
            f"in {sample.path} {other.columns.get(field, 'none')!r}: let their headers be alike, or run them apart"
        )
    return samples_with_lines, common


def _common_names(samples: Sequence[Sample]) -> tuple[list[str], list[str]]:
    """Return the columns that all files have, and those that all have in the file or in the name of a folder.

    JSON files count as one: an object omits a key without a value.
    """
    headers = [list(sample.names) for sample in samples if sample.kind != "json"]
    keys = dict.fromkeys(name for sample in samples if sample.kind == "json" for name in sample.names)
    if keys:
        headers.insert(0, list(keys))
    own = [name for name in headers[0] if all(name in names for names in headers)]
    either = [{*sample.names, *sample.folders} for sample in samples]
    names = dict.fromkeys(name for sample in samples for name in (*sample.names, *sample.folders))
    return own, [name for name in names if name not in own and all(name in known for known in either)]


def _values(samples: Sequence[Sample], columns: Mapping[str, str]) -> dict[str, list[str]]:
    """Return some values of each field, of all files together, without blanks."""
    values: dict[str, list[str]] = {field: [] for field in columns}
    for line in lines_of(samples, columns.values()):
        for field, column in columns.items():
            value = line.get(column, "").strip()
            if value:
                values[field].append(value)
    return values


def _without_blanks(samples: Sequence[Sample], columns: ColumnGuess, fixed: Mapping[str, str | None]) -> ColumnGuess:
    """Leave out a column of stock codes, or of quantities next to amounts, in which many lines have no value.

    Such lines would be malformed. A description without blanks stands in for the stock code.
    """
    may_lack = [s.STOCK_CODE, *([s.QUANTITY] if s.AMOUNT in columns.columns else [])]
    looked_at = [field for field in (*may_lack, s.DESCRIPTION) if field in columns.columns and field not in fixed]
    names = [columns.columns[field] for field in looked_at]
    lines = list(lines_of(samples, names))
    blank = {
        field: sum(not line.get(columns.columns[field], "").strip() for line in lines) / len(lines)
        for field in looked_at
        if lines
    }
    found, evidence, absent = dict(columns.columns), dict(columns.evidence), dict(columns.absent)
    for field in [field for field in may_lack if blank.get(field, 0) > MOST_BLANK]:
        column = found.pop(field)
        reason = f"{column!r} is blank in {blank[field]:.0%} of the lines looked at"
        if field == s.STOCK_CODE and blank.get(s.DESCRIPTION, 1) == 0:
            found[field], evidence[field] = found.pop(s.DESCRIPTION), f"since {reason}"
            absent[s.DESCRIPTION] = "is the stock code"
        else:
            absent[field] = reason
    return replace(columns, columns=found, evidence=evidence, absent=absent)


def _dates(source: str, values: Values, columns: Mapping[str, str]) -> DateGuess:
    if not values[s.INVOICE_DATE]:
        return USUAL_DATES
    guess = guess_dates(values[s.INVOICE_DATE])
    if guess is None:
        raise GuessError(
            f"{source}: the column {columns[s.INVOICE_DATE]!r} holds no dates in a known format: name another with "
            "--set 'input.columns.invoice_date=COLUMN', or its formats with --set 'cleaning.date_formats=[d.M.yyyy]'"
        )
    require_dates(source, columns[s.INVOICE_DATE], guess)
    return guess


def _explain(
    source: str, columns: ColumnGuess, dates: DateGuess, decimal: NumberGuess, suggestions: Sequence[Suggestion]
) -> list[str]:
    lines = [f"Guessed from {source}:", *_mapping(columns)]
    lines.append(f"  dates: {flow(list(dates.formats))}")
    lines.append(f"    {dates.reason}")
    if dates.swapped:
        lines.append(f"    wrong? --set {shlex.quote(f'cleaning.date_formats={flow(dates.alternative)}')}")
    if decimal.reason:
        lines.append(f"  input.decimal: {decimal.decimal} ({decimal.reason})")
    if decimal.other:
        lines.append(f"    wrong? --set input.decimal={decimal.other}")
    return [*lines, *(line for suggestion in suggestions for line in suggestion.lines)]


def _mapping(columns: ColumnGuess) -> list[str]:
    lines = []
    for field in s.INPUT_FIELDS:
        if field in columns.missing:
            lines.append(f"  {field:<13} <- ?  {columns.missing[field]}")
        elif field in columns.absent:
            lines.append(f"  {field:<13} {columns.absent[field]}: {s.MISSING_FIELDS[field]}")
        elif field not in columns.columns:
            continue
        elif columns.evidence[field] in CERTAIN:
            lines.append(f"  {field:<13} <- {columns.columns[field]}")
        else:
            lines.append(f"  {field:<13} <- {columns.columns[field]}  ({columns.evidence[field]})")
    return lines


def _incomplete(source: str, samples: Sequence[Sample], columns: ColumnGuess) -> GuessError:
    """Return the error for missing columns, with the columns that are known."""
    names = samples[0].names
    if not columns.columns:  # the header may be a line of data, which is not to be shown
        return GuessError(
            f"{source}: {len(names):,} fields, none of them named like a column: put a header above the lines, or name "
            "the columns in a configuration, as conf/online_retail.yaml does, and give it by --config"
        )
    problems = "; ".join(f"{field} {reason}" for field, reason in columns.missing.items())
    ending = "" if problems.endswith("?") else "."
    settings = " ".join(f"'input.columns.{field}=COLUMN'" for field in columns.missing)
    return GuessError(
        f"{source}: {problems}{ending} Found: {shortened_names(names)}. Set what is missing by --set {settings}, or "
        "give a configuration by --config. Needed are a customer, a date and money: quantity and unit_price, or the "
        "amount of a line; any other field may be left out, as by --set input.columns.country=null",
        [f"Guessed from {source}:", *_mapping(columns)],
    )


def _is_set(key: str, given: Sequence[str]) -> bool:
    """Return whether a key, or a section that contains it, is given."""
    return any(f"{key}.".startswith(f"{other}.") for other in given)
