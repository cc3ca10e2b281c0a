"""Guess from the names in a header which column holds which field of a line. Plain Python."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from segmentation import schemas as s
from segmentation.guess.synonyms import DECORATIONS, LINE_TOTALS, SYNONYMS, Export, export_of, normal, words_of
from segmentation.ingest.files import LONGEST_NAME_SHOWN, nearest_name

# A name that differs by a letter or two of ten is near; "client ip" is farther than that from "client id".
NEAR = 0.88
MOST_NAMES_LISTED = 5
# Of a header with more columns only this many are compared with near names.
MOST_COMPARED = 500

GIVEN, NAMED, EXPORTED = "as --set says", "its own name", "as exported"
USUAL, USUAL_ELSEWHERE = "a usual name", "a usual name elsewhere"  # elsewhere: in other languages, and of programs
LOOSE, LOOSE_ELSEWHERE = "a name it may have", "a name it may have elsewhere"
SIMILAR = "nearly a usual name"
# The order of the sets in SYNONYMS.
SETS = (USUAL, USUAL_ELSEWHERE, LOOSE, LOOSE_ELSEWHERE)
# The order in which a header is searched.
EVIDENCE = (NAMED, EXPORTED, *SETS, SIMILAR)
# Evidence that needs no mention next to the column.
CERTAIN = (GIVEN, NAMED, USUAL, USUAL_ELSEWHERE)


@dataclass(frozen=True)
class ColumnGuess:
    """For each field with a column, the column and the evidence; for each other field, why it has none."""

    columns: Mapping[str, str]
    evidence: Mapping[str, str]
    missing: Mapping[str, str]


def guess_columns(names: Sequence[str], fixed: Mapping[str, str] | None = None) -> ColumnGuess:
    """Return the best column for each field; each column is used once.

    Fields' own names come first, then those of a known export, usual names and similar ones. `fixed` maps fields to
    columns that are given.

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
    evidence = dict.fromkeys(columns, GIVEN)
    missing: dict[str, str] = {}
    for kind in EVIDENCE:
        ambiguous = _assign(kind, columns, evidence, missing, plain, export)
        missing |= {field: f"may be {_or(candidates)}" for field, candidates in ambiguous.items()}
    unused = {name: words for name, words in plain.items() if name not in columns.values()}
    for field in _open_fields(columns, missing):
        missing[field] = _why_missing(field, unused, export)
    for field, column in list(columns.items()):
        if stripped.count(column) != 1:
            missing[field] = f"is {_quoted(column)}, which is {_how_often(column, stripped)}"
            del columns[field]
    return ColumnGuess(_in_order(columns), evidence, _in_order(missing))


def _assign(
    kind: str,
    columns: dict[str, str],
    evidence: dict[str, str],
    missing: Mapping[str, str],
    plain: Mapping[str, str],
    export: Export,
) -> dict[str, list[str]]:
    """Add to `columns` and `evidence` each field that one kind of evidence decides, until it decides no more.

    Return the fields that are left with several candidates, and those.
    """
    while True:
        unused = {name: words for name, words in plain.items() if words and name not in columns.values()}
        candidates = {field: _candidates(field, kind, unused, export) for field in _open_fields(columns, missing)}
        decided = next((field for field in candidates if len(candidates[field]) == 1), None)
        if decided is None:
            return {field: several for field, several in candidates.items() if several}
        columns[decided] = candidates[decided][0]
        evidence[decided] = export.evidence(decided) if kind == EXPORTED else kind


def _open_fields(columns: Collection[str], missing: Collection[str]) -> list[str]:
    return [field for field in s.LINE_FIELDS if field not in columns and field not in missing]


def _candidates(field: str, kind: str, unused: Mapping[str, str], export: Export) -> list[str]:
    """Return the columns that may hold a field by one kind of evidence; several are equally good.

    `unused` maps the columns that no field has yet to their names as `normal` writes them.
    """
    synonyms = {name: set(words.split()) for name, words in zip(SETS, SYNONYMS[field], strict=True)}
    known = {NAMED: {normal(field)}, EXPORTED: {export.columns.get(field, "")}, **synonyms}
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


def _why_missing(field: str, unused: Mapping[str, str], export: Export) -> str:
    total = next((name for name, words in unused.items() if words in LINE_TOTALS | export.line_totals), None)
    if field == s.UNIT_PRICE and total is not None:
        holds = f"is, as {export.program} exports it," if unused[total] in export.line_totals else "may be"
        return (
            f"is not there; {_quoted(total)} {holds} the money of a line, but the price of one unit is needed: add a "
            "column with it, divided by the quantity"
        )
    near = nearest_name(field, list(unused))
    return "is not there" if near is None else f"is not there, the nearest is {_quoted(near)}"


def _in_order(by_field: Mapping[str, str]) -> dict[str, str]:
    return {field: by_field[field] for field in s.LINE_FIELDS if field in by_field}


def _or(names: Iterable[str]) -> str:
    quoted = [_quoted(name) for name in names]
    if len(quoted) > MOST_NAMES_LISTED:
        quoted[MOST_NAMES_LISTED:] = [f"{len(quoted) - MOST_NAMES_LISTED} others"]
    return " or ".join(quoted)


def _quoted(name: str) -> str:
    return repr(name[:LONGEST_NAME_SHOWN])
