"""Settings → the YAML that gives them again, each key with a word on what it does."""

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from segmentation.config import RunConfig
from segmentation.errors import ConfigError

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
