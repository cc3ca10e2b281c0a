"""The facts of a run in, what the report tells of how it was made out. Plain Python."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import yaml

from segmentation.config import RunConfig
from segmentation.plain_text import printable, shown, without_secrets
from segmentation.report.formatting import counted, day, duration, moment, size_of

FILES_LISTED: Final = 20


class ToldRun(NamedTuple):
    """How a run was made."""

    facts: list[tuple[str, str]]
    files: list[tuple[str, str]]
    more_files: int
    stages: list[tuple[str, str]]
    warnings: Sequence[str]
    command: str
    configuration: list[str]


def told_run(
    config: RunConfig,
    run_id: str,
    facts: Mapping[str, Any],
    period: tuple[date | None, date | None],
    seconds: Mapping[str, float],
    warnings: Sequence[str],
    command: str,
) -> ToldRun:
    """`facts` are those of the manifest, `period` the days of the first and last sale, `seconds` the stages so far."""
    files = facts["input"]["files"]
    first, last = period
    read = sum(int(file["bytes"]) for file in files)
    told = [
        ("Run", run_id),
        ("Sales", f"{day(first)} to {day(last)}" if first != last else day(first)),
        ("As of", f"{day(date.fromisoformat(facts['as_of']))}: days since a purchase count to this day"),
        ("Input", f"{counted(len(files), 'file')}, {size_of(read)}"),
        ("Began", moment(datetime.fromisoformat(facts["began_at"]))),
        ("Version", f"{facts['code_version']}, Spark {facts['spark_version']}"),
    ]
    listed = [(shown(file["path"]), f"{file['format']}, {size_of(int(file['bytes']))}") for file in files]
    return ToldRun(
        told,
        listed[:FILES_LISTED],
        max(len(listed) - FILES_LISTED, 0),
        [(stage, duration(taken)) for stage, taken in seconds.items()],
        warnings,
        shown(command),
        configuration_lines(config),
    )


def configuration_lines(config: RunConfig) -> list[str]:
    """The configuration as YAML, with all that the defaults fill in, each line fit to be shown."""
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
    return [printable(without_secrets(line)) for line in text.splitlines()]
