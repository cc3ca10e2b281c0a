"""A configuration as YAML gives it: read from a file, and changed by `--set`, before it is judged."""

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from segmentation.errors import ConfigError


def read_document(path: str) -> dict[str, Any]:
    """The keys and values of a YAML file; ConfigError where there is none, or it holds something else."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"configuration {path}: {error.strerror or error}: {_nearest_file(path)}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"configuration {path}: is not UTF-8 text") from None
    document = _parse_yaml(text, f"configuration {path}")
    if not isinstance(document, dict):
        raise ConfigError(f"configuration {path}: holds no keys; see conf/online_retail.yaml for an example")
    return document


def with_overrides(document: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """The document with each `key.path=value` set in it; ConfigError where one is not such or cannot be set there."""
    for override in overrides:
        _apply_override(document, override)
    return document


def as_tuples(value: Any) -> Any:
    """YAML lists as the tuples of the frozen settings, and a date with a time of day as text, to be refused."""
    if isinstance(value, Mapping):
        return {key: as_tuples(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return tuple(as_tuples(inner) for inner in value)
    return value.isoformat() if isinstance(value, datetime) else value


def _apply_override(document: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not all(part.isidentifier() for part in key.split(".")):
        raise ConfigError(f"--set {override}: must read key.path=value, for example clustering.k=5")
    *parents, last = key.split(".")
    place = document
    for parent in parents:
        inner = place.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {override}: {parent!r} holds a value, not a section with keys")
        place = inner
    place[last] = _parse_yaml(value, f"--set {override}")


def _nearest_file(path: str) -> str:
    """What to do where there is no such configuration: the nearest beside it and in conf/, if one is near."""
    there = [file for folder in (Path(path).parent, Path("conf")) for file in sorted(folder.glob("*.y*ml"))]
    near = difflib.get_close_matches(Path(path).stem, [file.stem for file in there], n=1)
    named = next((str(file) for file in there if near and file.stem == near[0]), None)
    return "name a YAML file of conf/ or your own" if named is None else f"did you mean {named!r}?"


def _parse_yaml(text: str, source: str) -> Any:
    try:
        return yaml.safe_load(text)
    except ValueError as error:  # a timestamp such as 2010-13-01, which YAML itself turns into a date
        raise ConfigError(f"{source}: holds a date that does not exist: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{source}: is not valid YAML{place}: {getattr(error, 'problem', None) or error}") from None
