"""Look at the beginning of a JSON file: its keys, how the objects are written, and forms that are to be rewritten."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from segmentation.errors import InputError
from segmentation.ingest.files import utf_16_without_mark
from segmentation.ingest.numbers import TypedNumber

# How the objects of a file are written: `OBJECTS` one after the other, over several lines or without line ends.
LINES, ARRAY, OBJECTS = "one object a line", "an array of objects", "objects after each other"
OBJECTS_EXAMINED = 100
WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
# The default and other forms of pandas' to_json, by their beginning: columns, index, split, table, values.
PANDAS = re.compile(
    r"""\{\s*"[^"]*"\s*:\s*\{\s*"0"\s*:|\{\s*"0"\s*:\s*[\[{]|\{\s*"columns"\s*:\s*\[\s*"|"""
    r"""\{\s*"schema"\s*:\s*\{\s*"fields"\s*:|\[\s*\["""
)
# An object with plain values, if any, before a list: `{"page": 1, "orders": [{`, or `{"id": [17850, 17851`.
BEFORE_A_LIST = r"""\{\s*(?:"[^"]*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[^\s"\[\]{},]+)\s*,\s*)*"([^"]+)"\s*:\s*\["""
LIST_OF_OBJECTS = re.compile(BEFORE_A_LIST + r"\s*\{")
LIST_OF_VALUES = re.compile(r"""\{\s*"[^"]*"\s*:\s*\[\s*["\d.\-tfn]""")

# How the names of MongoDB's types of numbers begin: $numberDecimal, $numberDouble, $numberInt, $numberLong.
TYPED_NUMBER = "$number"

Pairs = list[tuple[str, Any]]


class JsonForm(NamedTuple):
    """How a JSON file is written; with `is_typed`, values name their type, as in MongoDB's `{"$date": …}`."""

    shape: str
    is_typed: bool = False


class Inner(NamedTuple):
    """A key whose value is an object, or a list of objects, and their keys."""

    key: str
    is_list: bool
    names: Sequence[str]


def json_header(head: bytes, path: str, columns: Collection[str] = ()) -> tuple[tuple[str, ...], JsonForm]:
    """Return every key of the objects that are whole in a file's head, and how the file is written.

    Raises: InputError for an object that has a key twice, for a form that is to be rewritten, for columns that are
        inside of a value, and where there is no object.
    """
    text = _text(head, path)
    _require_rows(text, path)
    objects = list(_spans(text))
    keys: dict[str, None] = {}
    for _, _, pairs in objects:
        object_keys = [key for key, _ in pairs]
        doubled = next((key for key in object_keys if object_keys.count(key) > 1), None)
        if doubled is not None:
            times = object_keys.count(doubled)
            raise InputError(f"{path}: column {doubled!r} is there {times} times in one object: leave one of them")
        keys |= dict.fromkeys(object_keys)
    shape = _shape(text, objects)
    _require_brackets(text, objects, shape, path)
    if not keys:
        listed = LIST_OF_OBJECTS.match(text)
        if listed:
            raise InputError(flattening(path, Inner(listed[1], True, ()), "its lines are", shape))
        raise InputError(f"{path}: is not JSON with {shape}")
    absent = set(columns).difference(keys)
    for inner in inner_keys(pairs for _, _, pairs in objects):
        if inner.key in columns and not inner.is_list:
            raise InputError(taking_out(path, inner, shape))
        column = next((name for name in inner.names if name in absent), None)
        if column is not None:
            raise InputError(flattening(path, inner, f"column {column!r} is", shape))
    is_typed = any(_typed(value) is not None for _, _, pairs in objects for _, value in pairs)
    return tuple(keys), JsonForm(shape, is_typed)


def objects_in(part: bytes) -> Iterator[Pairs]:
    """Yield the keys and values of each object in a part of a file that is whole; values that name a type as these."""
    for _, _, pairs in _spans(part.decode("utf-8-sig", "replace")):
        yield [(key, value if (typed := _typed(value)) is None else typed) for key, value in pairs]


def inner_keys(objects: Iterator[Pairs]) -> list[Inner]:
    """Return the keys of the first objects whose values are objects or lists of objects."""
    found: dict[str, Inner] = {}
    for pairs in islice(objects, OBJECTS_EXAMINED):
        for key, value in pairs:
            if key in found or not isinstance(value, list) or not value or _typed(value) is not None:
                continue
            is_list = not _is_object(value)
            first = value[0] if is_list else value
            if isinstance(first, list) and _is_object(first):
                found[key] = Inner(key, is_list, [name for name, _ in first])
    return list(found.values())


def flattening(path: str, inner: Inner, what: str, shape: str) -> str:
    """Return a message that says how to write the values inside of a key as objects of their own."""
    key = f".{inner.key}" if re.fullmatch(r"[A-Za-z_]\w*", inner.key) else f".[{json.dumps(inner.key)}]"
    each = ".[] | " if shape == ARRAY else ""
    program = f"{each}del({key}) + {key}{'[]' if inner.is_list else ''}"
    wanted = "one object for each of them" if inner.is_list else "these keys next to the others"
    of_list = ", a list" if inner.is_list else ""
    return (
        f"{path}: {what} inside of {inner.key!r}{of_list}: write {wanted}, as jq -c '{program}' FILE > lines.jsonl does"
    )


def taking_out(path: str, inner: Inner, shape: str) -> str:
    """Return a message that says how to write one value of an object, as the id of a customer, next to the others."""
    wanted = next((name for name in ("id", "email", "name") if name in inner.names), inner.names[0])
    key, column = f"[{json.dumps(inner.key)}]", f"{inner.key}_{wanted}"
    each = ".[] | " if shape == ARRAY else ""
    program = f"{each}. + {{{json.dumps(column)}: .{key}[{json.dumps(wanted)}]}} | del(.{key})"
    return (
        f"{path}: {inner.key!r} is an object with keys of its own, no single value: take out the one that counts, such "
        f"as {inner.key}.{wanted}, as jq -c '{program}' FILE > lines.jsonl does, and name the column {column!r}"
    )


def _text(head: bytes, path: str) -> str:
    if head.startswith(WIDE_MARKS) or utf_16_without_mark(head):
        raise InputError(
            f"{path}: is JSON in UTF-16 or UTF-32: write it as UTF-8, as iconv -f UTF-16 -t UTF-8 FILE > lines.jsonl "
            "does"
        )
    return head.decode("utf-8-sig", "replace").lstrip(" \t\r\n")


def _require_rows(text: str, path: str) -> None:
    """Raise InputError for a table that is written column by column, or without its names in each row."""
    if PANDAS.match(text):
        raise InputError(
            f"{path}: is a table as pandas writes it by default, not one object a line: write it with "
            "to_json(path, orient='records', lines=True)"
        )
    whole = [pairs for _, _, pairs in islice(_spans(text), 2)] if LIST_OF_VALUES.match(text) else [[], []]
    if len(whole) < 2 and all(isinstance(value, list) for pairs in whole for _, value in pairs):
        raise InputError(
            f"{path}: is one object with a list for each column: write one object a line, as "
            "pandas.DataFrame(data).to_json(path, orient='records', lines=True) does"
        )


def _spans(text: str) -> Iterator[tuple[int, int, Pairs]]:
    """Yield where each whole object begins and ends, and its pairs; what is broken is passed over to the next line."""
    # Numbers stay text: Python refuses to parse one of thousands of digits.
    decoder = json.JSONDecoder(
        object_pairs_hook=list, parse_int=TypedNumber, parse_float=TypedNumber, parse_constant=str
    )
    position = text.find("{")
    while position >= 0:
        try:
            pairs, end = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError):
            line_end = text.find("\n{", position)
            position = line_end + 1 if line_end >= 0 else -1
            continue
        yield position, end, pairs
        position = text.find("{", end)


def _shape(text: str, objects: Sequence[tuple[int, int, Pairs]]) -> str:
    if text.startswith("["):
        return ARRAY
    over_lines = sum("\n" in text[begin:end] for begin, end, _ in objects)
    adjacent = sum(re.match(r"[ \t]*\{", text[end : end + 100]) is not None for _, end, _ in objects)
    return OBJECTS if 2 * max(over_lines, adjacent) >= len(objects) > 0 else LINES


def _require_brackets(text: str, objects: Sequence[tuple[int, int, Pairs]], shape: str, path: str) -> None:
    """Raise InputError for objects with commas between them, over several lines or in one line, but not in an array."""
    between = re.compile(r"\s*,\s*\{" if shape == OBJECTS else r"[ \t]*,[ \t]*\{")
    followed = sum(between.match(text, end) is not None for _, end, _ in objects)
    if shape != ARRAY and 2 * followed >= len(objects) > 1:
        raise InputError(
            f"{path}: its objects have commas between them, but no brackets around: write [ before the first and ] "
            "behind the last"
        )


def _is_object(value: Sequence[Any]) -> bool:
    """Return whether a value is an object: a list of keys and values, which are tuples."""
    return bool(value) and isinstance(value[0], tuple)


def _typed(value: Any) -> str | None:
    """Return the text of a value such as {"$numberDecimal": "2.55"}, also inside of another; None for any other."""
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], tuple) and value[0][0].startswith("$"):
        kind, value = value[0]
        if isinstance(value, str):
            return TypedNumber(value) if kind.startswith(TYPED_NUMBER) else value
    return None
