"""The header of a file against the mapping of the configuration."""

import difflib
from collections.abc import Mapping, Sequence

from segmentation.errors import InputError


def locate_columns(found: Sequence[str], columns: Mapping[str, str], place: str) -> dict[str, int]:
    """For each field the position of its column among the names `found` in a header.

    `columns` maps our field names to the names that the header should hold; `place` names the file (and sheet).
    Raises InputError that lists every missing column with the nearest name found, and every one that is there twice.
    """
    names = [name.strip() for name in found]
    problems = []
    for field, column in columns.items():
        if column not in names:
            problems.append(f"column {column!r} (for {field}) is missing{_hint(column, names)}")
        elif names.count(column) > 1:
            problems.append(f"column {column!r} (for {field}) is there {names.count(column)} times")
    if problems:
        raise InputError(
            f"{place}: {'; '.join(problems)}. Found: {', '.join(names)}. "
            "Correct the header, or name the columns under input.columns in the configuration"
        )
    return {field: names.index(column) for field, column in columns.items()}


def nearest(column: str, names: Sequence[str]) -> str | None:
    """The name that differs least, letter case, spaces and underscores apart; None where all differ much."""

    def plain(name: str) -> str:
        return "".join(character for character in name.casefold() if character.isalnum())

    by_plain = {plain(name): name for name in names}
    near = difflib.get_close_matches(plain(column), by_plain, n=1, cutoff=0.5)
    return by_plain[near[0]] if near else None


def _hint(column: str, names: Sequence[str]) -> str:
    name = nearest(column, names)
    return f", the nearest is {name!r}" if name is not None else ""
