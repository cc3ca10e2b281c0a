"""The report: one self-contained HTML page, `report/index.html`. It starts no Spark job and draws no chart.

The page needs no network and runs nothing but its own script: its content security policy names the script and the
style sheet by their hashes and forbids everything else. Every text is escaped, and control characters are shown as
their escapes. Everything can be read without the script, which only sorts and searches.
"""

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
from segmentation.config.settings import RunConfig
from segmentation.redaction import printable, shown, without_secrets
from segmentation.report.data import ReportData
from segmentation.report.findings import agreement, answer, relative_names, structure, votes
from segmentation.report.quality import waterfall
from segmentation.report.segments import segment_cards
from segmentation.report.tables import ABC_RULE, country_table, product_table
from segmentation.report.text import (
    LONGEST_TOOLTIP,
    MISSING,
    Row,
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

REPORT: Final = "report/index.html"
TEMPLATES: Final = "template"
PAGE, STYLE, SCRIPT = "index.html", "report.css", "report.js"
FILES_LISTED: Final = 20


@dataclass(frozen=True)
class RunDetails:
    """How a run was made.

    `facts` are those of the manifest, `seconds` the duration of each stage so far, `warnings` the lines logged, and
    `command` the command line that started the run.
    """

    run_id: str
    facts: Mapping[str, Any]
    seconds: Mapping[str, float]
    warnings: Sequence[str]
    command: str


def render(data: ReportData, charts: Mapping[str, str], details: RunDetails) -> str:
    """Return the report as HTML. The same arguments give the same text.

    `charts` are SVG elements by the name of the chart; any may be missing.
    """
    config, profiles, currency = data.config, data.profiles, data.config.charts.currency
    clustered = [setting.feature for setting in config.clustering.features]
    voted = votes(data.sweep, data.choice)
    style, script = _template_file(STYLE).strip(), _template_file(SCRIPT).strip()
    return (
        _environment()
        .get_template(PAGE)
        .render(
            title=config.title,
            policy=_security_policy(style, script),
            style=Markup(style),
            script=Markup(script),
            charts={name: Markup(svg) for name, svg in charts.items()},
            answer=answer(profiles, clustered, *data.period, currency),
            period=data.period,
            relative=relative_names(config.naming.scheme, len(profiles)),
            totals=_totals(data),
            segments=segment_cards(data),
            sweep=[_sweep_cells(row) for row in data.sweep],
            choice=f"{sentence(data.choice.reason)}.",
            votes=voted,
            agreement=agreement(voted, data.choice.k),
            structure=structure(profiles, data.sweep, data.choice.k),
            countries=country_table(data.countries, profiles, currency),
            products=product_table(data.products, profiles, currency),
            quality=waterfall(data.quality, data.rejected_examples, currency),
            run=_run_section(data, details),
        )
    )


def _totals(data: ReportData) -> list[tuple[str, str]]:
    """Return the figures below the answer, each with its label."""
    currency = data.config.charts.currency
    of_customers = sum((row[s.REVENUE] for row in data.profiles), Decimal(0))
    return [
        ("Customers", f"{sum(int(row[s.CUSTOMERS]) for row in data.profiles):,}"),
        ("Segments", str(len(data.profiles))),
        ("Customers' revenue", money(of_customers, currency)),
        ("Revenue with guests' sales", money(data.products.total[s.REVENUE], currency)),
        ("Countries", f"{data.countries.total[s.ROWS]:,}"),
        ("Products", f"{data.products.total[s.ROWS]:,}"),
    ]


def _sweep_cells(row: Row) -> dict[str, Any]:
    def fixed(name: str) -> str:
        value = finite(row[name])
        return MISSING if value is None else f"{value:.3f}"

    return {
        "k": int(row[s.K]),
        "wssse": compact(row[s.WSSSE]),
        "silhouette": fixed(s.SILHOUETTE),
        "davies_bouldin": fixed(s.DAVIES_BOULDIN),
        "calinski_harabasz": compact(row[s.CALINSKI_HARABASZ]),
        "chosen": bool(row[s.CHOSEN]),
    }


class RunSection(NamedTuple):
    """The section on how the run was made, every value as its text."""

    facts: list[tuple[str, str]]
    files: list[tuple[str, str]]
    more_files: int
    stages: list[tuple[str, str]]
    warnings: Sequence[str]
    command: str
    configuration: list[str]


def _run_section(data: ReportData, details: RunDetails) -> RunSection:
    facts, files = details.facts, details.facts["input"]["files"]
    first, last = data.period
    input_size = size_of(sum(int(file["bytes"]) for file in files))
    return RunSection(
        [
            ("Run", details.run_id),
            ("Sales", f"{day(first)} to {day(last)}" if first != last else day(first)),
            ("As of", f"{day(date.fromisoformat(facts['as_of']))}: days since a purchase count to this day"),
            ("Input", f"{counted(len(files), 'file')}, {input_size}"),
            ("Began", moment(datetime.fromisoformat(facts["began_at"]))),
            ("Version", f"{facts['code_version']}, Spark {facts['spark_version']}"),
        ],
        [(shown(file["path"]), f"{file['format']}, {size_of(int(file['bytes']))}") for file in files[:FILES_LISTED]],
        max(len(files) - FILES_LISTED, 0),
        [(stage, duration(seconds)) for stage, seconds in details.seconds.items()],
        details.warnings,
        shown(details.command),
        _configuration_lines(data.config),
    )


def _configuration_lines(config: RunConfig) -> list[str]:
    """Return the configuration with all its defaults as lines of YAML, secrets masked."""
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
    return [printable(without_secrets(line)) for line in text.splitlines()]


# ---- the template ----


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_template_file),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"counted": counted, "cut": cut, "day": day, "sentence": sentence}
    environment.globals |= {"longest_tooltip": LONGEST_TOOLTIP, "abc_rule": ABC_RULE}
    return environment


def _template_file(name: str) -> str:
    """Read a file of the template as a resource, since on a cluster the library is a zip."""
    return (resources.files("segmentation.report") / TEMPLATES / name).read_text(encoding="utf-8")


def _visible(value: Any) -> Any:
    """Escape the control characters of every text that the template inserts."""
    return value if isinstance(value, Markup) else printable(str(value))


def _security_policy(style: str, script: str) -> str:
    """Allow the page's own style and script, known by their hashes, and nothing else."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data:",  # the icon in the page's tab
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
