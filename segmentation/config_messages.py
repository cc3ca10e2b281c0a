"""Validation errors in a person's words: the key's path, what is allowed, what was given, the nearest match."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

# Pydantic adds the branch of a union that it tried to a location; a person's key path has no such part.
_UNION_BRANCHES = ("literal[", "constrained-", "tuple[", "int", "float", "str", "date", "function-", "nullable")

# Pydantic's words for what a person who writes YAML calls otherwise.
_PLAINER = (
    (r"^(Input|String) should", "should"),
    ("a valid tuple", "a list"),
    (r"a valid dictionary.*", "a section with keys"),
    (r"match pattern '\^\[\^,\]\+\$'", "be some text without a comma"),
)
# What pydantic says of a list once it has dropped the entries that were themselves refused.
_FOLLOW_UPS = ("too_short",)


def describe_problems(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """One sentence a key, each `key.path: what is allowed, got what`; branches of a union become one sentence."""
    sentences: dict[str, list[str]] = {}
    endings: dict[str, str] = {}
    problems = error.errors()
    if any(problem["type"] not in _FOLLOW_UPS for problem in problems):
        problems = [problem for problem in problems if problem["type"] not in _FOLLOW_UPS]
    for problem in problems:
        location = [part for part in problem["loc"] if not _is_union_branch(part, root)]
        path = ".".join(str(part) for part in location)
        message, ending = _message(problem, location, root)
        if path not in endings or _literals(problem):  # whose ending names the nearest
            endings[path] = ending
        sentences.setdefault(path, []).append(message)
    return [
        f"{path}{messages[0]}{''.join(' or ' + _allowed(message) for message in messages[1:])}{endings[path]}"
        for path, messages in sentences.items()
    ]


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`: did you mean 'nearest'?`, or else the list of what is known."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f": did you mean {near[0]!r}?"
    return f": known are {', '.join(known)}" if known else ""


def _message(problem: Mapping[str, Any], location: Sequence[int | str], root: type[BaseModel]) -> tuple[str, str]:
    """What follows the key's path: the statement, and the value that was given."""
    if problem["type"] == "extra_forbidden":
        return " is not a known key", _nearest_key(location, root)
    if problem["type"] == "missing":
        return ": is required and not set", ""
    if problem["type"] == "value_error":  # ours: of a key ("must be …"), or of a section ("the_key must be …")
        text = str(problem["msg"]).removeprefix("Value error, ")
        return (" " if text.startswith("must") else "." if location else "") + text, ""
    if problem["type"] == "too_short":
        return " needs at least one entry", ""
    given = problem["input"]
    hint = did_you_mean(given, _literals(problem)) if isinstance(given, str) and _literals(problem) else ""
    message = str(problem["msg"])
    for theirs, plain in _PLAINER:
        message = re.sub(theirs, plain, message)
    return f": {message}", f", got {_shown(given)}{hint}"


def _nearest_key(location: Sequence[int | str], root: type[BaseModel]) -> str:
    """The nearest of the keys allowed there, or else the path of the same key elsewhere: `k` is `clustering.k`."""
    key, beside = str(location[-1]), list(_keys_beside(location, root))
    elsewhere = [path for path in key_paths(root) if path.rpartition(".")[2] == key]
    if elsewhere and not difflib.get_close_matches(key, beside, n=1, cutoff=0.6):
        return f": did you mean {elsewhere[0]!r}?"
    return did_you_mean(key, beside)


def key_paths(model: type[BaseModel], section: str = "") -> Iterator[str]:
    """Every key of the sections, by its path."""
    for name, field in model.model_fields.items():
        yield f"{section}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from key_paths(field.annotation, f"{section}{name}.")


def _allowed(message: str) -> str:
    return message.removeprefix(": should be ").removeprefix(": ")


def _is_union_branch(part: int | str, root: type[BaseModel]) -> bool:
    return isinstance(part, str) and part.startswith(_UNION_BRANCHES) and part not in _all_keys(root)


def _all_keys(model: type[BaseModel]) -> set[str]:
    keys: set[str] = set()
    for name, field in model.model_fields.items():
        keys |= {name} | {key for inner in _models_in(field.annotation) for key in _all_keys(inner)}
    return keys


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _keys_beside(location: Sequence[int | str], root: type[BaseModel]) -> Iterator[str]:
    """The keys allowed where the last part of `location` stands."""
    models = [root]
    for part in location[:-1]:
        if isinstance(part, str):
            fields = [model.model_fields[part] for model in models if part in model.model_fields]
            models = [inner for field in fields for inner in _models_in(field.annotation)]
    for model in models:
        yield from model.model_fields


def _literals(problem: Mapping[str, Any]) -> list[str]:
    expected = str(problem.get("ctx", {}).get("expected", ""))
    return [word.strip("' ") for word in expected.replace(" or ", ",").split(",") if word.strip()]


def _shown(value: Any) -> str:
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= 80 else text[:77] + "..."
