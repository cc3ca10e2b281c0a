"""Which column of a header holds which field of a line, guessed from the columns' names; plain Python."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from segmentation.guess.column_names import DECORATIONS, LINE_TOTALS, SYNONYMS, Export, export_of, normal, words_of
from segmentation.headers import LONGEST_NAME_SHOWN, nearest
from segmentation.schemas import LINE_FIELDS, UNIT_PRICE

# A name that differs by a letter or two of ten; "client ip" is farther than that from "client id".
NEAR = 0.88
MOST_TOLD = 5
# A header of more columns than that is compared by names that are known alone.
MOST_COMPARED = 500

GIVEN, NAMED, EXPORTED, USUAL = "as --set says", "its own name", "as exported", "a usual name"
LOOSE, NEARLY = "a name it may have", "nearly a usual name"
# Of other languages than English, and of programs.
USUAL_ELSEWHERE, LOOSE_ELSEWHERE = "a usual name elsewhere", "a name it may have elsewhere"
# As a header is looked through; the sets of SYNONYMS among them.
SETS = (USUAL, USUAL_ELSEWHERE, LOOSE, LOOSE_ELSEWHERE)
WAYS = (NAMED, EXPORTED, *SETS, NEARLY)
# Ways of which nobody need be told more than the column.
CERTAIN = (GIVEN, NAMED, USUAL, USUAL_ELSEWHERE)


@dataclass(frozen=True)
class ColumnGuess:
    """For each field found its column and how that was known; for each other one why not, in a person's words."""

    columns: Mapping[str, str]
    known_by: Mapping[str, str]
    missing: Mapping[str, str]


def guess_columns(names: Sequence[str], fixed: Mapping[str, str] | None = None) -> ColumnGuess:
    """The best column for each field, each column used once: those named so first, then those of a known export, then
    usual names, then near ones. `fixed` are the columns of fields that need no guess.

    >>> header = ["Order ID", "SKU", "Product Name", "Qty", "Order Date", "Unit Price", "Client", "Market", "Notes"]
    >>> guess_columns(header).columns["customer_id"], guess_columns(header).missing
    ('Client', {})
    >>> guess_columns(["OrderID", "TransactionID"]).missing["invoice_no"]
    "may be 'OrderID' or 'TransactionID'"
    """
    stripped = [name.strip() for name in names]
    plain = {name: normal(name) for name in dict.fromkeys(stripped) if name}
    export = export_of(plain.values())
    columns = dict(fixed or {})
    known_by = dict.fromkeys(columns, GIVEN)
    missing: dict[str, str] = {}
    for how in WAYS:
        while True:
            free = {name: words for name, words in plain.items() if words and name not in columns.values()}
            wanted = [one for one in LINE_FIELDS if one not in columns and one not in missing]
            candidates = {one: _candidates(one, how, free, export) for one in wanted}
            certain = next((one for one in wanted if len(candidates[one]) == 1), None)
            if certain is None:
                break
            columns[certain] = candidates[certain][0]
            known_by[certain] = export.told(certain) if how == EXPORTED else how
        missing |= {one: f"may be {_or(several)}" for one, several in candidates.items() if several}
    free = {name: words for name, words in plain.items() if name not in columns.values()}
    missing |= {
        one: _why_missing(one, free, export) for one in LINE_FIELDS if one not in columns and one not in missing
    }
    for one, column in list(columns.items()):
        if stripped.count(column) != 1:
            missing[one] = f"is {_told(column)}, which is {_how_often(column, stripped)}"
            del columns[one]
    return ColumnGuess(
        {one: columns[one] for one in LINE_FIELDS if one in columns},
        known_by,
        {one: missing[one] for one in LINE_FIELDS if one in missing},
    )


def _candidates(one: str, how: str, free: Mapping[str, str], export: Export) -> list[str]:
    """The columns that may be a field in one of the ways; several for a field are as good as each other.

    `free` are the columns that are not used yet, each with its words in one.
    """
    sets = {name: set(synonyms.split()) for name, synonyms in zip(SETS, SYNONYMS[one], strict=True)}
    known = {NAMED: {normal(one)}, EXPORTED: {export.columns.get(one, "")}, **sets}
    totals = LINE_TOTALS | export.line_totals if one == UNIT_PRICE else frozenset()
    if how in known:
        return [name for name, words in free.items() if words in known[how] - totals]
    compared = [name for name, words in free.items() if words not in totals][:MOST_COMPARED]
    usual = sets[USUAL] | sets[USUAL_ELSEWHERE] | {normal(one)}
    nearness = {name: _nearness(name, usual) for name in compared}
    best = max(nearness.values(), default=0.0)
    return [name for name, near in nearness.items() if near == best] if best >= NEAR else []


def _nearness(name: str, known: Collection[str]) -> float:
    """From 0 to 1 for the known name that is nearest to this one, with and without what is often added to a name."""
    bare = "".join(word for word in words_of(name) if word not in DECORATIONS)
    if bare in known:
        return 1.0
    return max(
        SequenceMatcher(None, normal(name)[:LONGEST_NAME_SHOWN], other, autojunk=False).ratio() for other in known
    )


def _how_often(column: str, names: Sequence[str]) -> str:
    if column in names:
        return f"there {names.count(column)} times"
    near = nearest(column, names)
    return "not there" + (f": did you mean {_told(near)}?" if near is not None else "")


def _why_missing(one: str, free: Mapping[str, str], export: Export) -> str:
    total = next((name for name, words in free.items() if words in LINE_TOTALS | export.line_totals), None)
    if one == UNIT_PRICE and total is not None:
        held = f"is, as {export.program} exports it," if free[total] in export.line_totals else "may be"
        return (
            f"is not there; {_told(total)} {held} the money of a line, where the price of one unit is needed: add a "
            "column of it, divided by the quantity"
        )
    near = nearest(one, list(free))
    return "is not there" + (f", the nearest is {_told(near)}" if near is not None else "")


def _or(names: Sequence[str]) -> str:
    more = f" or {len(names) - MOST_TOLD} others" if len(names) > MOST_TOLD else ""
    return " or ".join(_told(name) for name in names[:MOST_TOLD]) + more


def _told(name: str) -> str:
    return repr(name[:LONGEST_NAME_SHOWN])
