"""The header of a file against the mapping of the configuration."""

import difflib
from collections.abc import Collection, Mapping, Sequence

from segmentation.errors import InputError

# No column's name is as long; what follows may be lines that a wrong delimiter or quote made part of the header.
LONGEST_NAME_SHOWN = 100
MOST_NAMES_SHOWN = 20


def locate_columns(found: Sequence[str], columns: Mapping[str, str], place: str) -> dict[str, int]:
    """For each field the position of its column among the names `found` in a header.

    `columns` maps our field names to the names that the header should hold; `place` names the file (and sheet).
    Raises InputError that lists every missing column with the nearest name found, and every one that is there twice.
    Of a line that has none of the columns, and so may be one of data, nothing is shown but how many fields it has.
    """
    names = [name.strip() for name in found]
    is_header = _is_header(names, columns.values())
    problems = []
    for field, column in columns.items():
        if column not in names:
            problems.append(f"column {column!r} (for {field}) is missing{_hint(column, names if is_header else ())}")
        elif names.count(column) > 1:
            problems.append(f"column {column!r} (for {field}) is there {names.count(column)} times")
    if problems:
        told = names_shown(names) if is_header else f"{len(names):,} fields, none of them named like a column"
        remedy = "Correct the header" if is_header else "Put a header above the lines"
        raise InputError(
            f"{place}: {'; '.join(problems)}. Found: {told}. "
            f"{remedy}, or name the columns under input.columns in the configuration"
        )
    return {field: names.index(column) for field, column in columns.items()}


def names_shown(names: Sequence[str]) -> str:
    """The names of a header as a message may tell them: so many, cut to a length, and none that is but a number."""
    shown = [name[:LONGEST_NAME_SHOWN] for name in names if any(map(str.isalpha, name))][:MOST_NAMES_SHOWN]
    more = f" and {len(names) - len(shown):,} more" if len(shown) < len(names) else ""
    return ", ".join(shown) + more


def _is_header(names: Sequence[str], columns: Collection[str]) -> bool:
    """Whether one of the columns is among the names, or two are in one of them, as with the wrong delimiter."""
    wanted = {_plain(column) for column in columns}
    return any(_plain(name) in wanted or sum(column in _plain(name) for column in wanted) > 1 for name in names)


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def nearest(column: str, names: Sequence[str]) -> str | None:
    """The name that differs least, letter case, spaces and underscores apart; None where all differ much."""
    by_plain = {_plain(name): name for name in names}
    near = difflib.get_close_matches(_plain(column), by_plain, n=1, cutoff=0.5)
    return by_plain[near[0]] if near else None


def _hint(column: str, names: Sequence[str]) -> str:
    name = nearest(column, names)
    return f", the nearest is {name[:LONGEST_NAME_SHOWN]!r}" if name is not None else ""
