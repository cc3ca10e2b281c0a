"""A configuration as YAML gives it: read from a file, and changed by `--set`, before it is judged."""
# TODO-DOC config_messages: Validation errors in a person's words: the key's path, what is allowed, what was
# given, the nearest match.
# TODO-DOC config_text: Settings → the YAML that gives them again, each key with a word on what it does.

import difflib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from segmentation.config.settings import (
    RunConfig,
)
from segmentation.errors import ConfigError, did_you_mean


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


logger = logging.getLogger(__name__)

COMMENTS: Mapping[str, str] = {
    "title": "the run's name; quality gates compare runs of the same title",
    "input": "where the eight fields of a line are found",
    "input.columns": "our name: the name in the file's header",
    "input.format": "auto, csv, parquet, json or xlsx",
    "input.csv.delimiter": "auto tries comma, semicolon, tab and bar",
    "input.csv.encoding": "auto, utf-8 or iso-8859-1",
    "input.csv.multiline": "fields may hold line ends; false lets Spark split large plain files",
    "input.sheets": "all, or a list of a workbook's sheets",
    "cleaning": "which lines are sales",
    "cleaning.date_formats": "tried in this order: iso, excel (day numbers), Spark datetime patterns",
    "cleaning.cancellation_prefixes": "how cancelled invoices begin",
    "cleaning.sale_invoice_pattern": "a sale's invoice, as a regular expression; others are adjustments",
    "cleaning.missing_customer_ids": "what means no customer, beside blank",
    "cleaning.first_day": "lines before it are out of period, such as 2011-01-01",
    "cleaning.switched_off": "rules not to apply, such as [duplicate]",
    "clustering": "what makes customers alike, and into how many segments they fall",
    "clustering.features": "transform: none, log1p; winsorise: quantiles; scale: standard, robust, min_max",
    "clustering.k": "auto (the elbow), silhouette, or a number from 2 to 50",
    "clustering.k_min": "the numbers of segments tried, from this",
    "clustering.k_max": "to this",
    "clustering.seed": "of every random choice",
    "clustering.restarts": "fits for each k; auto is 1, from searched centres",
    "clustering.max_iterations": "a fit stops after so many",
    "clustering.tolerance": "or when its centres move less",
    "clustering.seeding_sample": "more customers than that are searched and swept by a sample",
    "clustering.parallel_fits": "fits at the same time",
    "naming": "how segments get their names",
    "naming.scheme": "levels (of spend and frequency), or rules",
    "naming.rules": "for rules: a list of name and when (scores from 1 to 5), the last without when",
    "rollups.merchandise_pattern": "stock codes of goods, against postage and fees",
    "report.suggestions": "what the report suggests to do with a segment, by its name",
    "charts.currency": "stands before money",
    "charts.customers_drawn": "in the scatter plot, at most about",
    "quality_gates": "a run beyond these is not published; null does not ask",
    "quality_gates.max_rejected_share": "of the lines read, such as 0.10",
    "quality_gates.min_customers": "such as 1000",
    "quality_gates.max_segment_share": "of the customers, in the largest segment, such as 0.97",
    "quality_gates.max_rows_change": "against the run before, such as 0.25",
    "quality_gates.max_revenue_change": "as well",
    "quality_gates.max_segment_share_change": "in points of share, such as 0.05",
}
COMMENT_COLUMN = 40


def config_text(config: RunConfig, about: Sequence[str] = ()) -> str:
    """A whole configuration file: `load_config` reads these settings from it again. `about` are comments at its top."""
    lines = [f"# {_of_comment(line)}" for line in about]
    return "\n".join([*lines, *_lines(config, "", 0)]) + "\n"


def keep_config(config: RunConfig, path: str, about: Sequence[str]) -> None:
    """Writes a configuration to a new file; ConfigError where there is one already, or where it cannot be written."""
    text = config_text(config, about)
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(
            f"--write-config {path}: is there already and is not overwritten: name a new file, or give this by --config"
        ) from None
    except OSError as error:
        raise ConfigError(f"--write-config {path}: cannot be written: {error.strerror or error}") from None
    logger.info("wrote %s: give it by --config", path)


def flow(value: Any) -> str:
    """A value as YAML on one line.

    >>> flow(["iso", "M/d/yyyy[ H:mm]"]), flow("auto"), flow("no"), flow(None)
    ("[iso, 'M/d/yyyy[ H:mm]']", 'auto', "'no'", 'null')
    """
    text = yaml.safe_dump(
        _plain(value), default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _lines(settings: BaseModel, section: str, depth: int) -> list[str]:
    lines = []
    for name in type(settings).model_fields:
        value, key = getattr(settings, name), f"{section}{name}"
        if isinstance(value, BaseModel):
            if not depth:
                lines.append("")
            lines.append(_commented(f"{'  ' * depth}{name}:", key))
            lines += _lines(value, f"{key}.", depth + 1)
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            lines.append(_commented(f"{'  ' * depth}{name}:", key))
            lines += [f"{'  ' * (depth + 1)}- {flow(one)}" for one in value]
        else:
            lines.append(_commented(f"{'  ' * depth}{name}: {flow(value)}", key))
    return lines


def _commented(text: str, key: str) -> str:
    return f"{text.ljust(COMMENT_COLUMN)}  # {COMMENTS[key]}" if key in COMMENTS else text


def _of_comment(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def _plain(value: Any) -> Any:
    """Settings as YAML's own values; keys without a value of their own are left out of an entry of a list."""
    if isinstance(value, BaseModel):
        return {
            name: _plain(inner) for name, inner in value.model_dump(exclude_defaults=False).items() if inner is not None
        }
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    assert value is None or isinstance(value, str | int | float | date)
    return value


def load_config(path: str, overrides: Sequence[str] = ()) -> RunConfig:
    """The settings of the YAML file at `path`, with `key.path=value` overrides applied, each value read as YAML.

    Raises ConfigError naming the file, the key's path, the value and what is allowed.
    """
    return config_of(read_document(path), overrides, f"configuration {path}")


def config_of(document: dict[str, Any], overrides: Sequence[str], source: str) -> RunConfig:
    """The settings of a document as YAML gives it, with `key.path=value` overrides applied; ConfigError as above."""
    overridden = with_overrides(document, overrides)
    try:
        return RunConfig.model_validate(as_tuples(overridden))
    except ValidationError as error:
        told = source + (f" with --set {' '.join(overrides)}" if overrides else "")
        raise ConfigError(f"{told}: {'; '.join(describe_problems(error, RunConfig))}") from None
