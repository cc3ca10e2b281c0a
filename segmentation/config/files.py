"""Configuration files: read YAML, apply `--set` overrides, validate, and write YAML that gives the same settings."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from segmentation import schemas as s
from segmentation.config.messages import describe_problems
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError

logger = logging.getLogger(__name__)

COMMENT_COLUMN = 40


def load_config(path: str, overrides: Sequence[str] = ()) -> RunConfig:
    """Read and validate a YAML file, with `key.path=value` overrides applied, each value parsed as YAML.

    Raises: ConfigError naming the file, the key's path, the value and what is allowed.
    """
    return config_of(_read_document(path), overrides, f"configuration {path}")


def config_of(document: dict[str, Any], overrides: Sequence[str], source: str) -> RunConfig:
    """Validate a document as YAML gives it, with overrides applied. Messages name the source.

    Raises: ConfigError.
    """
    overridden = _with_default_features(with_overrides(document, overrides))
    if overrides:
        source = f"{source} with --set {' '.join(overrides)}"
    try:
        return RunConfig.model_validate(_frozen(overridden))
    except ValidationError as error:
        raise ConfigError(f"{source}: {'; '.join(describe_problems(error, RunConfig))}") from None
    except UnicodeEncodeError as error:
        raise ConfigError(f"{_printable(source)}: has text that is no Unicode: {error.object!r}") from None
    except RecursionError:
        raise ConfigError(f"{source}: has a value inside itself, or too many levels") from None


def with_overrides(document: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Set each `key.path=value` in the document and return it.

    Raises: ConfigError where an override is malformed or its key path leads through a value.
    """
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not all(part.isidentifier() for part in key.split(".")):
            raise ConfigError(f"--set {override}: must read key.path=value, for example clustering.k=5")
        *sections, last = key.split(".")
        section = document
        for name in sections:
            inner = section.setdefault(name, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"--set {override}: {name!r} holds a value, not a section with keys")
            section = inner
        section[last] = _parse_yaml(value, f"--set {override}")
    return document


def write_config(config: RunConfig, path: str, about: Sequence[str]) -> None:
    """Write a configuration to a new file, with the lines of `about` as comments at its top.

    Raises: ConfigError where the file exists or cannot be written.
    """
    comments = [f"# {line if line.isprintable() else ascii(line)}" for line in about]
    text = "\n".join([*comments, *_yaml_lines(config)]) + "\n"
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(
            f"--write-config {path}: exists and is not overwritten: name a new file, or use this one with --config"
        ) from None
    except OSError as error:
        raise ConfigError(f"--write-config {path}: cannot be written: {error.strerror or error}") from None
    logger.info("wrote %s: use it with --config", path)


def flow(value: Any) -> str:
    """Return a value as YAML on one line.

    >>> flow(["iso", "M/d/yyyy[ H:mm]"]), flow("auto"), flow("no"), flow(None)
    ("[iso, 'M/d/yyyy[ H:mm]']", 'auto', "'no'", 'null')
    """
    text = yaml.safe_dump(
        _plain(value), default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _with_default_features(document: dict[str, Any]) -> dict[str, Any]:
    """Cluster gross figures where `figures` is gross and no features are given: the default ones are net."""
    clustering = document.get("clustering", {})
    if document.get("figures") != "gross" or not isinstance(clustering, dict) or "features" in clustering:
        return document
    features = [{"feature": name, "transform": "log1p"} for name in (s.GROSS.spend, s.GROSS.orders)]
    return {**document, "clustering": {**clustering, "features": features}}


def _read_document(path: str) -> dict[str, Any]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"configuration {path}: {reason}: name a YAML file of conf/ or your own") from None
    except UnicodeDecodeError:
        raise ConfigError(f"configuration {path}: is not UTF-8 text") from None
    document = _parse_yaml(text, f"configuration {path}")
    if not isinstance(document, dict):
        raise ConfigError(f"configuration {path}: holds no keys; see conf/online_retail.yaml for an example")
    return document


def _parse_yaml(text: str, source: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except RecursionError:
        raise ConfigError(f"{source}: has too many levels") from None
    except ValueError as error:  # YAML itself turns 2010-13-01 into a date
        raise ConfigError(f"{source}: holds a date that does not exist: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        position = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ConfigError(f"{source}: is not valid YAML{position}: {problem}") from None


class _Loader(yaml.SafeLoader):
    """YAML's own safe loader, which refuses a key that is there twice: of two values one would not count."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is set twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def _printable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _frozen(value: Any) -> Any:
    r"""Turn YAML's lists into the tuples of the settings, and a date with a time of day into text, to be refused.

    Raises: UnicodeEncodeError for text with half of a character, such as "\ud83d", which no file can hold.
    """
    if isinstance(value, str):
        value.encode()
    if isinstance(value, Mapping):
        return {_frozen(key): _frozen(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return tuple(_frozen(inner) for inner in value)
    return value.isoformat() if isinstance(value, datetime) else value


def _plain(value: Any) -> Any:
    """Turn settings into YAML's own values. The entries of a list leave out keys without a value."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_none=True)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _yaml_lines(settings: BaseModel, depth: int = 0) -> list[str]:
    """Return each key on its line, with its description as a comment; a section begins after an empty line."""
    lines = []
    for name, field in type(settings).model_fields.items():
        value, key = getattr(settings, name), f"{'  ' * depth}{name}:"
        if isinstance(value, BaseModel):
            if depth == 0:
                lines.append("")
            lines += [_commented(key, field.description), *_yaml_lines(value, depth + 1)]
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            lines.append(_commented(key, field.description))
            lines += [f"{'  ' * (depth + 1)}- {flow(entry)}" for entry in value]
        else:
            lines.append(_commented(f"{key} {flow(value)}", field.description))
    return lines


def _commented(text: str, comment: str | None) -> str:
    return f"{text.ljust(COMMENT_COLUMN)}  # {comment}" if comment else text
