"""Validation errors in plain words: the key's path, what is allowed, the value given, the nearest match."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from segmentation.errors import did_you_mean

LONGEST_VALUE = 80
# Pydantic puts the branch of a union that it tried into a location; the key's path in YAML has no such part.
UNION_BRANCH = re.compile(r"int|float|str|date|(literal|tuple)\[.*|(constrained|function|nullable).*|\[key\]")
# Pydantic's wording → what an author of YAML calls it.
PLAIN_WORDS = (
    (r"^(Input|String) should", "should"),
    ("a valid tuple", "a list"),
    (r"a valid dictionary.*", "a section with keys"),
    (r"match pattern '\^\[\^,\]\+\$'", "be some text without a comma"),
    (r"match pattern '\[\^.*\]'", "be one character other than a quote, a backslash or a line end"),
)
# Pydantic also reports a list as too short once it has dropped the entries that are wrong.
FOLLOW_UP = "too_short"
# And it says that a default could not be made from another value that is wrong.
NO_DEFAULT = "default_factory_not_called"


def describe_problems(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """Return a sentence for each key, `key.path: what is allowed, got value`; branches of a union share one."""
    statements: dict[str, list[str]] = {}
    endings: dict[str, str] = {}
    problems = [problem for problem in error.errors() if problem["type"] != NO_DEFAULT]
    if any(problem["type"] != FOLLOW_UP for problem in problems):
        problems = [problem for problem in problems if problem["type"] != FOLLOW_UP]
    for problem in problems:
        location = [part for part in problem["loc"] if not UNION_BRANCH.fullmatch(str(part))]
        path = ".".join(str(part) for part in location)
        statement, ending = _describe(problem, location, root)
        if path not in endings or _allowed_words(problem):  # whose ending has the nearest word
            endings[path] = ending
        statements.setdefault(path, []).append(statement)
    return [
        " or ".join([f"{path}{first}", *[other.removeprefix(": ").removeprefix("should be ") for other in others]])
        + endings[path]
        for path, (first, *others) in statements.items()
    ]


def key_paths(model: type[BaseModel], section: str = "") -> Iterator[str]:
    """Yield the path of every key and section."""
    for name, field in model.model_fields.items():
        yield f"{section}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from key_paths(field.annotation, f"{section}{name}.")


def _describe(problem: Mapping[str, Any], location: Sequence[int | str], root: type[BaseModel]) -> tuple[str, str]:
    """Return what follows the key's path: a statement, and the ending with the value given."""
    if problem["type"] == "extra_forbidden":
        return " is not a known key", _nearest_key(location, root)
    if problem["type"] == "missing":
        return ": is required and not set", ""
    if problem["type"] == "value_error":  # of our validators: of a key ("must be …"), or of a section ("key must be …")
        text = str(problem["msg"]).removeprefix("Value error, ")
        if text.startswith("must"):
            return f" {text}", ""
        return f".{text}" if location else text, ""
    if problem["type"] == FOLLOW_UP:
        return " needs at least one entry", ""
    message, value, words = str(problem["msg"]), problem["input"], _allowed_words(problem)
    for theirs, plain in PLAIN_WORDS:
        message = re.sub(theirs, plain, message)
    hint = did_you_mean(value, words) if isinstance(value, str) and words else ""
    return f": {message}", f", got {_short(value)}{hint}"


def _allowed_words(problem: Mapping[str, Any]) -> list[str]:
    """Return the words of a Literal."""
    expected = str(problem.get("ctx", {}).get("expected", ""))
    return [word.strip("' ") for word in expected.replace(" or ", ",").split(",") if word.strip()]


def _short(value: Any) -> str:
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."


def _nearest_key(location: Sequence[int | str], root: type[BaseModel]) -> str:
    """Suggest the nearest key of the section, or the path of the same key elsewhere: for `k`, `clustering.k`."""
    key = str(location[-1])
    known = [name for model in _models_at(location[:-1], root) for name in model.model_fields]
    elsewhere = [path for path in key_paths(root) if path.rpartition(".")[2] == key]
    if elsewhere and not difflib.get_close_matches(key, known, n=1, cutoff=0.6):
        return f": did you mean {elsewhere[0]!r}?"
    return did_you_mean(key, known)


def _models_at(location: Sequence[int | str], root: type[BaseModel]) -> list[type[BaseModel]]:
    """Return the sections, or the kinds of a list's entries, at a location."""
    models = [root]
    for part in location:
        if isinstance(part, str):
            fields = [model.model_fields[part] for model in models if part in model.model_fields]
            models = [inner for field in fields for inner in _models_in(field.annotation)]
    return models


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)
