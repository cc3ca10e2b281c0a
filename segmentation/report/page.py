"""A run's findings in, the report as one self-contained HTML page out: `report/index.html`. No Spark.

The page needs no network and runs nothing but its own script: its content security policy names the script and the
style sheet by their hashes and forbids all else. Every text is escaped, and characters that act instead of being seen
are shown as their escapes. All there is to read stands in the page without the script, which only sorts and searches.
"""
# TODO-DOC report.run: The facts of a run in, what the report tells of how it was made out. Plain Python.

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

import yaml
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.settings import RunConfig
from segmentation.redaction import printable, shown, without_secrets
from segmentation.report.charts.svg import DrawnChart
from segmentation.report.data import ReportRows
from segmentation.report.findings import (
    agreement,
    answer,
    choice_sentence,
    first_and_last,
    relative_names,
    structure,
    votes,
)
from segmentation.report.segments import told_segments
from segmentation.report.tables import mark, not_shown, told_countries, told_products, told_quality
from segmentation.report.text import (
    LONGEST_POINTED_AT,
    Rows,
    compact,
    counted,
    cut,
    day,
    duration,
    finite,
    moment,
    money,
    sentence,
    size_of,
)

REPORT = "report/index.html"
TEMPLATES = "template"
PAGE, STYLE, SCRIPT = "index.html", "report.css", "report.js"


@dataclass(frozen=True)
class Findings:
    """What a run found: rows of its small tables, what was collected of the large ones, its charts and its facts.

    `statistics` are the rows of `segment_statistics`; `facts` those of the manifest; `seconds` what each stage took so
    far; `command` the command line that started the run, without its secrets; any chart may be missing.
    """

    config: RunConfig
    run_id: str
    choice: Choice
    sweep: Rows
    profiles: Rows
    statistics: Rows
    quality: Rows
    rows: ReportRows
    charts: Sequence[DrawnChart]
    facts: Mapping[str, Any]
    seconds: Mapping[str, float]
    warnings: Sequence[str]
    command: str


def report_page(found: Findings) -> str:
    """The whole page. The same findings give the same text."""
    currency = found.config.charts.currency
    clustered = [one.feature for one in found.config.clustering.features]
    period = first_and_last(found.rows.products.total, s.FIRST_SOLD_AT, s.LAST_SOLD_AT)
    as_of = date.fromisoformat(found.facts["as_of"])
    ways = votes(found.sweep, found.choice)
    suggestions = found.config.report.suggestions
    style, script = (_part(name).strip() for name in (STYLE, SCRIPT))
    return (
        _templates()
        .get_template(PAGE)
        .render(
            title=found.config.title,
            policy=_policy(style, script),
            style=Markup(style),
            script=Markup(script),
            charts={chart.name: Markup(chart.svg) for chart in found.charts},
            answer=answer(found.profiles, clustered, *period, currency),
            period=period,
            relative=relative_names(found.config.naming.scheme, len(found.profiles)),
            totals=_totals(found, currency),
            segments=told_segments(
                found.profiles, found.statistics, clustered, found.rows, suggestions, as_of, currency
            ),
            sweep=[_sweep_cells(row) for row in found.sweep],
            choice=choice_sentence(found.choice),
            votes=ways,
            agreement=agreement(ways, found.choice.k),
            structure=structure(found.profiles, found.sweep, found.choice.k),
            countries=told_countries(found.rows.countries, found.profiles, currency),
            products=told_products(found.rows.products, found.profiles, currency),
            quality=told_quality(found.quality, found.rows.examples, currency),
            run=told_run(found.config, found.run_id, found.facts, period, found.seconds, found.warnings, found.command),
        )
    )


def _totals(found: Findings, currency: str) -> list[tuple[str, str]]:
    """The figures below the answer."""
    total = found.rows.products.total
    of_customers = sum((row[s.REVENUE] for row in found.profiles), Decimal(0))
    return [
        ("Customers", f"{sum(int(row[s.CUSTOMERS]) for row in found.profiles):,}"),
        ("Segments", str(len(found.profiles))),
        ("Customers' revenue", money(of_customers, currency)),
        ("Revenue with guests' sales", money(total[s.REVENUE], currency)),
        ("Countries", f"{found.rows.countries.total[s.ROWS]:,}"),
        ("Products", f"{total[s.ROWS]:,}"),
    ]


def _sweep_cells(row: Mapping[str, Any]) -> dict[str, Any]:
    def fixed(name: str) -> str:
        value = finite(row[name])
        return "–" if value is None else f"{value:.3f}"

    return {
        "k": int(row[s.K]),
        "wssse": compact(row[s.WSSSE]),
        "silhouette": fixed(s.SILHOUETTE),
        "davies_bouldin": fixed(s.DAVIES_BOULDIN),
        "calinski_harabasz": compact(row[s.CALINSKI_HARABASZ]),
        "chosen": bool(row[s.CHOSEN]),
    }


def _policy(style: str, script: str) -> str:
    """Nothing is fetched and nothing runs but the page's own style and script, known by their hashes."""
    rules = [
        "default-src 'none'",
        f"script-src '{_hash(script)}'",
        f"style-src '{_hash(style)}'",
        "img-src data:",  # the icon in the page's tab
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(rules)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _part(name: str) -> str:
    """A file of the template; read as a resource, since on a cluster the library is a zip."""
    return (resources.files("segmentation.report") / TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_part),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"counted": counted, "cut": cut, "day": day, "sentence": sentence}
    environment.globals |= {"mark": mark, "not_shown": not_shown, "longest_pointed_at": LONGEST_POINTED_AT}
    return environment


def _seen(value: Any) -> Any:
    """Every text that is put into the page: what would act, such as a control character, is shown as its escape."""
    return value if isinstance(value, Markup) else printable(str(value))


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
