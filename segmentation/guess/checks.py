"""Refuse a guess that the sampled values contradict or leave open, with what to set or to change."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from segmentation import schemas as s
from segmentation.config.settings import DecimalMark
from segmentation.errors import InputError
from segmentation.guess.currencies import currencies_in
from segmentation.guess.dates import DateGuess, orders_shown
from segmentation.guess.no_sales import codes_by_column, codes_in_words, is_currency
from segmentation.guess.numbers import NumberGuess, guess_decimal, marks_of, read_number, with_doubt
from segmentation.guess.samples import FILES_WITH_VALUES, Sample, Values, lines_of, unread_columns
from segmentation.guess.suggestions import CODES, MOSTLY
from segmentation.guess.synonyms import words_of

# Of fewer orders with several lines, equal amounts in each may be chance.
FEWEST_ORDERS = 10


class GuessError(InputError):
    """A header that leaves columns open. `before` are lines to print before the message: what is known so far."""

    def __init__(self, message: str, before: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.before = before


def require_dates(source: str, column: str, guess: DateGuess) -> None:
    """Raise GuessError if many values of the column of dates cannot be read: their lines would be lost."""
    if guess.share_read < MOSTLY:
        raise GuessError(
            f"{source}: the column {column!r} holds dates in a known format in only {guess.share_read:.0%} of its "
            f"different values; others are written as {guess.unread!r}: let the export write 2024-06-01, or set "
            "cleaning.date_formats. Months in words are read in English, German, French, Dutch, Spanish and Italian"
        )


def require_one_order(samples: Sequence[Sample], column: str) -> None:
    """Raise GuessError if one file shows the day before the month, and another the month before the day."""
    different = two_orders(samples, column)
    if different:
        raise GuessError(f"the files differ: {different}")


def two_orders(samples: Sequence[Sample], column: str) -> str:
    """Return in words which file shows the day first and which the month first; empty where none differ."""
    shown: dict[str, tuple[str, str, str]] = {}
    for sample in samples[:FILES_WITH_VALUES]:
        orders = orders_shown([line.get(column, "").strip() for line in sample.lines([column])])
        for separator, (order, example) in orders.items():
            other_path, other, of_other = shown.setdefault(separator, (sample.path, order, example))
            if order != other:
                return (
                    f"in {column!r}, {other_path} has {other}, as in {of_other!r}, and {sample.path} {order}, as in "
                    f"{example!r}: no cleaning.date_formats reads both. Let the export write one, as 2024-06-01, or "
                    "run the files apart"
                )
    return ""


def decimal_of(source: str, values: Values, columns: Mapping[str, str]) -> NumberGuess:
    """Return the decimal mark of quantity and money together. Raises GuessError where a column leaves it open."""
    together = guess_decimal([value for field in s.NUMBER_FIELDS for value in values.get(field, ())])
    named = " and ".join(repr(columns[field]) for field in s.NUMBER_FIELDS if field in columns)
    guess = together
    for field in [field for field in s.NUMBER_FIELDS if field in columns and not together.is_open]:
        guess = with_doubt(together, values.get(field, ()), field != s.QUANTITY)
        if guess.is_open:
            named = repr(columns[field])
            break
    if guess.is_open:
        raise GuessError(
            f"{source}: in {named}, {guess.reason}: say it with --set input.decimal=point, where 1,234 is a thousand "
            "and more and 1.234 is not, or --set input.decimal=comma, where it is the other way round. If neither is "
            "right, let the export write all numbers in one style"
        )
    return together


def require_numbers(
    source: str, samples: Sequence[Sample], values: Values, columns: Mapping[str, str], decimal: DecimalMark
) -> None:
    """Raise GuessError if a quantity or money is seldom a number that the job reads: the other lines would be lost."""
    for field in s.NUMBER_FIELDS:
        texts = values.get(field, ())
        numbers = sum(read_number(text, decimal) is not None for text in texts) / len(texts) if texts else 1.0
        if numbers >= MOSTLY:
            continue
        different = _two_styles(samples, columns)
        if different:
            raise GuessError(
                f"{source}: decimal numbers are written in two ways, {different}, and no input.decimal reads both: "
                "let the export write one, or run the files apart"
            )
        held = f"numbers in only {numbers:.0%} of its lines" if numbers else "no numbers"
        mark = "2,55 or 1.234,50" if decimal == "comma" else "2.55 or 1,234.50"
        raise GuessError(
            f"{source}: the column {columns[field]!r} (for {field}) holds {held} as in {mark}: set input.decimal, "
            f"or name another column with --set 'input.columns.{field}=COLUMN'"
        )


def _two_styles(samples: Sequence[Sample], columns: Mapping[str, str]) -> str:
    """Return a number with a decimal point and one with a comma, each with its column and file; empty without both."""
    found: dict[str, str] = {}
    for sample in samples[:FILES_WITH_VALUES]:
        lines = list(sample.lines([columns[field] for field in s.NUMBER_FIELDS if field in columns]))
        for column in [columns[field] for field in s.NUMBER_FIELDS if field in columns]:
            points, commas, _ = marks_of([line.get(column, "") for line in lines])
            mark, showing = (".", points) if len(points) >= len(commas) else (",", commas)
            if showing:
                found.setdefault(mark, f"{showing[0]!r} in {column!r} of {sample.path}")
    return " and ".join(found[mark] for mark in sorted(found)) if len(found) > 1 else ""


def require_amounts_of_lines(source: str, samples: Sequence[Sample], columns: Mapping[str, str]) -> None:
    """Raise GuessError if the money seems to be that of a whole order, repeated in each of its lines."""
    if not {s.AMOUNT, s.INVOICE_NO} <= columns.keys():
        return
    amounts: defaultdict[str, list[str]] = defaultdict(list)
    for line in lines_of(samples, [columns[s.INVOICE_NO], columns[s.AMOUNT]]):
        amounts[line.get(columns[s.INVOICE_NO], "")].append(line.get(columns[s.AMOUNT], ""))
    of_several = [texts for invoice, texts in amounts.items() if invoice and len(texts) > 1]
    repeated = [texts for texts in of_several if len({*texts}) == 1]
    is_one_price = len({text for texts in of_several for text in texts}) <= 1
    if len(of_several) >= FEWEST_ORDERS and len(repeated) >= MOSTLY * len(of_several) and not is_one_price:
        raise GuessError(
            f"{source}: the column {columns[s.AMOUNT]!r} is the same in all lines of an order in {len(repeated)} of "
            f"{len(of_several)} orders with several lines: it seems to be the money of the order, which would count "
            "once for each line. Name the money of the line with --set 'input.columns.amount=COLUMN'"
        )


def require_one_currency(source: str, samples: Sequence[Sample], columns: Mapping[str, str], values: Values) -> None:
    """Raise GuessError if money has several currencies, unless the name of its column says that it is of one."""
    money = columns.get(s.AMOUNT) or columns[s.UNIT_PRICE]
    converted = "If the money is converted to one already: --set input.columns.currency=null"
    written = currencies_in(values.get(s.AMOUNT) or values.get(s.UNIT_PRICE, ()))
    if len(written) > 1:
        raise GuessError(
            f"{source}: the money in {money!r} is written in several currencies: {codes_in_words(written)}, which "
            "cannot be added up. Let the export write one, or name the currency in a column of its own and set "
            f"input.columns.currency and cleaning.currency. {converted}"
        )
    if set(words_of(money)) & CODES:
        return
    currencies = [name for name in unread_columns(samples, columns.values()) if is_currency(name)]
    for column, codes in codes_by_column(list(lines_of(samples, currencies)), currencies).items():
        if len(codes) > 1:
            raise GuessError(
                f"{source}: the column {column!r} has several currencies: {codes_in_words(codes)}, whose money cannot "
                f"be added up. Say which counts, and the other lines are adjustments: --set 'input.columns.currency="
                f"{column}' cleaning.currency={next(iter(codes))[:10]}. {converted}"
            )
