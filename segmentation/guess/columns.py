"""Guess from the names in a header which column holds which field of a line. Plain Python."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from segmentation import schemas as s
from segmentation.guess.programs import Export, export_of
from segmentation.guess.synonyms import DECORATIONS, LINE_TOTALS, SYNONYMS, normal, words_of
from segmentation.ingest.files import LONGEST_NAME_SHOWN, nearest_name

# A name that differs by a letter or two of ten is near; "client ip" is farther than that from "client id".
NEAR = 0.88
MOST_NAMES_LISTED = 5
# Of a header with more columns only this many are compared with near names.
MOST_COMPARED = 500
LEFT_OUT = "left out, as --set says"

GIVEN, NAMED, EXPORTED = "as --set says", "its own name", "as exported"
USUAL, USUAL_ELSEWHERE = "a usual name", "a usual name elsewhere"  # elsewhere: in other languages, and of programs
LOOSE, LOOSE_ELSEWHERE = "a name it may have", "a name it may have elsewhere"
SIMILAR = "nearly a usual name"
ONLY_MONEY = "a price, but without a quantity it counts as the money of the line"
# The order of the sets in SYNONYMS.
SETS = (USUAL, USUAL_ELSEWHERE, LOOSE, LOOSE_ELSEWHERE)
# The order in which a header is searched.
EVIDENCE = (NAMED, EXPORTED, *SETS, SIMILAR)
# Evidence that needs no mention next to the column.
CERTAIN = (GIVEN, NAMED, USUAL, USUAL_ELSEWHERE)


@dataclass(frozen=True)
class ColumnGuess:
    """For each field with a column, the column and the evidence; for each other field, why it has none.

    `missing` are the fields without which there is no run, or that several columns may hold. `absent` are those that
    an input may lack.
    """

    columns: Mapping[str, str]
    evidence: Mapping[str, str]
    missing: Mapping[str, str]
    absent: Mapping[str, str]


def guess_columns(
    names: Sequence[str], fixed: Mapping[str, str | None] | None = None, folders: Sequence[str] = ()
) -> ColumnGuess:
    """Return the best column for each field; each column is used once.

    `folders` are names of folders such as `country=France`: each counts as a column where it gives a field that has
    none, and leaves the columns of all other fields as they are.

    Fields' own names come first, then those of a known export, usual names and similar ones. `fixed` maps fields to
    columns that are given, or to None for a field to leave out.

    Of money, quantity and unit_price come before the amount of the line. A price without a quantity is an amount.

    >>> header = ["Order ID", "SKU", "Product Name", "Qty", "Order Date", "Unit Price", "Client", "Market", "Notes"]
    >>> guess_columns(header).columns["customer_id"], guess_columns(header).missing
    ('Client', {})
    >>> guess_columns(["OrderID", "TransactionID"]).missing["invoice_no"]
    "may be 'OrderID' or 'TransactionID'"
    >>> guess_columns(["who", "Customer ID", "Date", "Total"]).columns
    {'invoice_date': 'Date', 'customer_id': 'Customer ID', 'amount': 'Total'}
    >>> guess_columns(["Customer ID", "Order Date", "Total"], folders=["date", "Country"]).columns
    {'invoice_date': 'Order Date', 'customer_id': 'Customer ID', 'country': 'Country', 'amount': 'Total'}
    """
    guess = _guess(names, fixed)
    for folder in folders:
        wider = _guess([*names, folder], fixed)
        if folder in wider.columns.values() and guess.columns.items() <= wider.columns.items():
            names, guess = [*names, folder], wider
    return guess


def _guess(names: Sequence[str], fixed: Mapping[str, str | None] | None) -> ColumnGuess:
    given = dict(fixed or {})
    left_out = {field for field, column in given.items() if column is None} | _other_money(given)
    stripped = [name.strip() for name in names]
    plain = {name: normal(name) for name in dict.fromkeys(stripped) if name}
    has_own_names = {normal(field) for field in s.LINE_FIELDS} <= {*plain.values()}
    export = Export() if has_own_names else export_of(plain.values())
    plain = {name: words for name, words in plain.items() if words not in export.misleading}
    not_read = {field: reason for field, reason in export.left_out.items() if field not in given}
    columns = {field: column for field, column in given.items() if column is not None}
    evidence = dict.fromkeys(columns, GIVEN)
    ambiguous: dict[str, str] = {}
    for kind in EVIDENCE:
        several = _assign(kind, columns, evidence, {*ambiguous, *left_out, *not_read}, plain, export)
        ambiguous |= {field: f"may be {_or(candidates)}" for field, candidates in several.items()}
    needed = {s.CUSTOMER_ID, s.INVOICE_DATE, *_missing_money(columns, evidence, ambiguous)}
    wrong = {
        field: f"is {_quoted(column)}, which is {_how_often(column, stripped)}"
        for field, column in columns.items()
        if stripped.count(column) != 1
    }
    unused = {name: words for name, words in plain.items() if name not in columns.values()}
    not_there = {field: _why_missing(field, unused) for field in _open_fields(columns, {*ambiguous, *left_out})}
    not_there |= {field: f"not read of {export.program}: {reason}" for field, reason in not_read.items()}
    not_there |= dict.fromkeys(left_out, LEFT_OUT)
    unneeded = {s.UNIT_PRICE, s.AMOUNT} - needed
    missing = {field: reason for field, reason in ambiguous.items() if field not in unneeded}
    missing |= {field: reason for field, reason in not_there.items() if field in needed} | wrong
    absent = {field: reason for field, reason in not_there.items() if field not in needed | {s.UNIT_PRICE, s.AMOUNT}}
    found = {field: column for field, column in columns.items() if field not in wrong}
    return ColumnGuess(_in_order(found), evidence, _in_order(missing), _in_order(absent))


def _other_money(given: Mapping[str, str | None]) -> set[str]:
    """Return the kind of money not to look for, where the other is given."""
    if given.get(s.AMOUNT) is not None:
        return {s.UNIT_PRICE}
    return {s.AMOUNT} if given.get(s.UNIT_PRICE) is not None else set()


def _missing_money(columns: dict[str, str], evidence: dict[str, str], ambiguous: Mapping[str, str]) -> set[str]:
    """Leave one kind of money in `columns`, and return the fields that are needed for it and open.

    Quantity and unit_price come first, then the amount of the line, then a price where there are no quantities.
    """
    has_price = s.UNIT_PRICE in columns
    if has_price and s.QUANTITY in columns:
        columns.pop(s.AMOUNT, None)
        return set()
    is_only_money = has_price and evidence[s.UNIT_PRICE] != GIVEN and not {s.QUANTITY, s.AMOUNT} & {*ambiguous}
    if s.AMOUNT not in columns and is_only_money:
        columns[s.AMOUNT], evidence[s.AMOUNT] = columns[s.UNIT_PRICE], ONLY_MONEY
    if s.AMOUNT in columns:
        columns.pop(s.UNIT_PRICE, None)
        return set()
    open_fields = {field for field in (s.QUANTITY, s.UNIT_PRICE) if field not in columns}
    return open_fields | ({s.AMOUNT} & {*ambiguous})


def _assign(
    kind: str,
    columns: dict[str, str],
    evidence: dict[str, str],
    closed: Collection[str],
    plain: Mapping[str, str],
    export: Export,
) -> dict[str, list[str]]:
    """Add to `columns` and `evidence` each field that one kind of evidence decides, until it decides no more.

    Fields in `closed` are not looked for. Return the fields that are left with several candidates, and those.
    """
    while True:
        unused = {name: words for name, words in plain.items() if words and name not in columns.values()}
        candidates = {field: _candidates(field, kind, unused, export) for field in _open_fields(columns, closed)}
        decided = next((field for field in candidates if len(candidates[field]) == 1), None)
        if decided is None:
            return {field: several for field, several in candidates.items() if several}
        columns[decided] = candidates[decided][0]
        evidence[decided] = export.evidence(decided) if kind == EXPORTED else kind


def _open_fields(columns: Collection[str], closed: Collection[str]) -> list[str]:
    return [field for field in s.INPUT_FIELDS if field not in columns and field not in closed]


def _candidates(field: str, kind: str, unused: Mapping[str, str], export: Export) -> list[str]:
    """Return the columns that may hold a field by one kind of evidence; several are equally good.

    `unused` maps the columns that no field has yet to their names as `normal` writes them.
    """
    synonyms = {name: set(words.split()) for name, words in zip(SETS, SYNONYMS[field], strict=True)}
    known = {NAMED: {normal(field)}, EXPORTED: {*export.columns.get(field, "").split()}, **synonyms}
    totals = LINE_TOTALS | export.line_totals if field == s.UNIT_PRICE else frozenset()
    if kind in known:
        return [name for name, words in unused.items() if words in known[kind] - totals]
    known_names = sorted(synonyms[USUAL] | synonyms[USUAL_ELSEWHERE] | {normal(field)})
    compared = [name for name, words in unused.items() if words not in totals][:MOST_COMPARED]
    return [name for name in compared if _is_near(name, known_names)]


def _is_near(name: str, known_names: Sequence[str]) -> bool:
    """Return whether a name is like a known one, or is one with a decorating word such as a currency."""
    bare = "".join(word for word in words_of(name) if word not in DECORATIONS)
    plain = normal(name)[:LONGEST_NAME_SHOWN]
    return bare in known_names or bool(get_close_matches(plain, known_names, n=1, cutoff=NEAR))


def _how_often(column: str, names: Sequence[str]) -> str:
    if column in names:
        return f"there {names.count(column)} times"
    near = nearest_name(column, names)
    return "not there" if near is None else f"not there: did you mean {_quoted(near)}?"


def _why_missing(field: str, unused: Mapping[str, str]) -> str:
    near = nearest_name(field, list(unused))
    return "is not there" if near is None else f"is not there, the nearest is {_quoted(near)}"


def _in_order(by_field: Mapping[str, str]) -> dict[str, str]:
    return {field: by_field[field] for field in s.INPUT_FIELDS if field in by_field}


def _or(names: Iterable[str]) -> str:
    quoted = [_quoted(name) for name in names]
    if len(quoted) > MOST_NAMES_LISTED:
        quoted[MOST_NAMES_LISTED:] = [f"{len(quoted) - MOST_NAMES_LISTED} others"]
    return " or ".join(quoted)


def _quoted(name: str) -> str:
    return repr(name[:LONGEST_NAME_SHOWN])
