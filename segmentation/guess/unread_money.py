"""Look for columns that are not read and that change what a line is worth: refunds, discounts, moments, one letter."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from segmentation import schemas as s
from segmentation.config.settings import RunConfig
from segmentation.errors import counted
from segmentation.guess.currencies import currencies_in
from segmentation.guess.no_sales import LARGEST_SHARE, codes_in_words, is_about_another, is_moment, plain_word
from segmentation.guess.numbers import read_number
from segmentation.guess.samples import Line
from segmentation.guess.synonyms import normal, words_of
from segmentation.guess.weights import money_of

REFUNDS = frozenset({"refund", "refunds", "refunded"})
DISCOUNTS = frozenset({"discount", "discounts", "discounted", "rabatt", "rabatte", "nachlass", "remise", "korting"})
DISCOUNTS |= {"descuento", "sconto", "rebate"}
# Words of the name of an amount of money. A name with another, such as tax, fee or reason, is of something else.
OF_MONEY = frozenset(
    {"amount", "total", "value", "sum", "amt", "money", "converted", "partial", "order", "line", "item"}
)
OF_MONEY |= {"lineitem", "price", "net", "gross", "percent", "pct", "rate", "applied", "betrag", "montant"}
JOINED = {"amountrefunded": "refunded", "refundamount": "refund", "refundedamount": "refunded", "refundtotal": "refund"}
JOINED |= {"totalrefunded": "refunded", "discountamount": "discount", "linediscount": "discount"}
# What is asked for a whole line, after its discount.
NET_TOTALS = frozenset(
    {"linetotal", "lineamount", "linenet", "netamount", "nettotal", "extendedprice", "extendedamount", "itemtotal"}
    | {"linerevenue", "linevalue", "zeilenbetrag", "positionsbetrag", "lineitemtotal"}
)
# Of a smaller difference, rounding may be the reason; of a larger one, the column is of something else.
LEAST_BELOW, MOST_BELOW = Decimal("0.005"), Decimal("0.95")
# How tills write a return in a column of types with a letter or two.
LETTERS = re.compile("[A-Za-z]{1,3}")
OF_RETURNS = frozenset({"R", "RE", "RF", "RT", "RET", "REF", "RTN", "CN", "CM", "CR", "V"})
MOST_LETTERS = 6


def cautions_of_money(lines: Sequence[Line], names: Sequence[str], config: RunConfig) -> list[str]:
    """Return a caution for each kind of column among `names`, which are not read, with what to do."""
    names = [name for name in names if not is_about_another(name)]
    found = [_refunds(lines, names, config), *_moments(lines, names, config), *_letters(lines, names, config)]
    return [*filter(None, [*found, _below(lines, names, config) or _discounts(lines, names, config)])]


def several_currencies(lines: Sequence[Line], config: RunConfig) -> list[str]:
    """Return a caution where the money is written in several currencies, and no column says which counts."""
    read = config.input.columns.by_field
    money = read.get(s.AMOUNT) or read[s.UNIT_PRICE]
    found = currencies_in(line.get(money, "") for line in lines) if s.CURRENCY not in read else {}
    if len(found) < 2:
        return []
    return [
        f"the money in {money!r} is written in several currencies, {codes_in_words(found)}, and is added up as it is: "
        "let the export write one, or name the currency in a column, and set input.columns.currency and "
        "cleaning.currency"
    ]


def _refunds(lines: Sequence[Line], names: Sequence[str], config: RunConfig) -> str:
    """Return a caution for the first column of refunded amounts with money in it."""
    name, amounts = _first_with_money(lines, names, REFUNDS, config)
    if not amounts:
        return ""
    return (
        f"the column {name!r} has money in {counted(len(amounts), 'line')} of {len(lines):,} looked at, "
        f"{sum(amounts):,.2f} together, and is not read: what was refunded counts as sales. Take it off the money of "
        "the line before the run, or add a line with negative money for it"
    )


def _discounts(lines: Sequence[Line], names: Sequence[str], config: RunConfig) -> str:
    """Return a caution for the first column of discounts, where the money is a price times a quantity."""
    read = config.input.columns.by_field
    name, amounts = _first_with_money(lines, () if s.AMOUNT in read else names, DISCOUNTS, config)
    if not amounts:
        return ""
    return (
        f"the column {name!r} has discounts in {counted(len(amounts), 'line')} of {len(lines):,} looked at, and is not "
        f"read: if {read[s.UNIT_PRICE]!r} is the price before them, spend is too high. Give the money of the line "
        "after discounts as input.columns.amount, in place of input.columns.unit_price"
    )


def _below(lines: Sequence[Line], names: Sequence[str], config: RunConfig) -> str:
    """Return a caution for a column of lines' totals that add up to less than the price times the quantity."""
    read, decimal = config.input.columns.by_field, config.input.decimal
    if s.AMOUNT in read or s.QUANTITY not in read:
        return ""
    for name in [name for name in names if normal(name) in NET_TOTALS]:
        pairs = [
            (abs(total), abs(money_of(line, read, decimal)))
            for line in lines
            if (total := read_number(line.get(name, ""), decimal)) is not None
        ]
        asked, gross = sum(total for total, _ in pairs), sum(money for _, money in pairs)
        share = 1 - Decimal(asked) / gross if gross else Decimal(0)
        if LEAST_BELOW < share < MOST_BELOW:
            return (
                f"the column {name!r} adds up to {share:.1%} less than {read[s.QUANTITY]!r} times "
                f"{read[s.UNIT_PRICE]!r} in the lines looked at, and is not read: if that is a discount, set "
                f"input.columns.amount to {name!r} and input.columns.unit_price to null"
            )
    return ""


def _moments(lines: Sequence[Line], names: Sequence[str], config: RunConfig) -> Iterator[str]:
    """Yield a caution for columns such as `Cancelled at` with a date in lines that no other column takes out."""
    read = config.input.columns.by_field
    marked = {
        read.get(s.LINE_STATUS): {*map(plain_word, config.cleaning.no_sale_statuses)},
        read.get(s.LINE_TYPE): {*map(plain_word, config.cleaning.return_types)},
    }
    sales = [
        line
        for line in lines
        if not any(plain_word(line.get(column, "")) in words for column, words in marked.items() if column)
    ]
    for name in filter(is_moment, names):
        filled = [line for line in sales if re.search(r"[1-9]", line.get(name, ""))]
        if 0 < len(filled) <= LARGEST_SHARE * len(lines):
            yield (
                f"the column {name!r} has a date in {counted(len(filled), 'line')} of {len(lines):,} looked at, and is "
                "not read: they count as sales. If they are none, leave such lines out of the export, or write "
                "cancelled into a column that input.columns.line_status names"
            )


def _letters(lines: Sequence[Line], names: Sequence[str], config: RunConfig) -> Iterator[str]:
    """Yield a caution for columns of types with letters such as S and R, of which some may mean returns."""
    known = {word.upper() for word in (*config.cleaning.return_types, *config.cleaning.no_sale_statuses)}
    for name in [name for name in names if {"type", "kind"}.intersection(words_of(name))]:
        counts = Counter(text for line in lines if (text := line.get(name, "").strip()))
        if not 1 < len(counts) <= MOST_LETTERS or not all(map(LETTERS.fullmatch, counts)):
            continue
        returns = [text for text in counts if text.upper() in OF_RETURNS - known]
        share = sum(counts[text] for text in returns) / len(lines)
        if returns and share <= LARGEST_SHARE:
            words = ", ".join(f"{text!r} ({counts[text]:,} of the lines looked at)" for text in returns)
            yield (
                f"the column {name!r} has {words}, and is not read: such lines count as sales. If they are returns, "
                "set input.columns.line_type, cleaning.returns with type, and cleaning.return_types to "
                f"[{', '.join(returns)}]"
            )


def _is_of(name: str, words: frozenset[str]) -> bool:
    """Return whether a column is an amount of money of a kind, by its name."""
    parts = {JOINED.get(part, part) for part in words_of(name)}
    return bool(parts & words) and parts <= words | OF_MONEY


def _first_with_money(
    lines: Sequence[Line], names: Iterable[str], words: frozenset[str], config: RunConfig
) -> tuple[str, list[Decimal]]:
    """Return the first column of a kind with amounts that are not 0, and these amounts; empty where there is none."""
    of_kind = [name for name in names if _is_of(name, words)]
    return next(((name, amounts) for name in of_kind if (amounts := _amounts(lines, name, config))), ("", []))


def _amounts(lines: Sequence[Line], name: str, config: RunConfig) -> list[Decimal]:
    """Return the numbers in a column that are not 0, where most of its values are numbers."""
    texts = [text.rstrip("% ") for line in lines if (text := line.get(name, "").strip())]
    numbers: Mapping[bool, list[Decimal]] = {True: [], False: []}
    for text in texts:
        number = read_number(text, config.input.decimal)
        if number is not None:
            numbers[number != 0].append(number)
    is_money = sum(map(len, numbers.values())) > len(texts) / 2
    return [abs(number) for number in numbers[True]] if is_money else []
