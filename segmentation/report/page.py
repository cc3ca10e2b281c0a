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
from typing import Any, Final

import yaml
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from segmentation import schemas as s
from segmentation.errors import counted
from segmentation.redaction import printable, shown, without_secrets
from segmentation.report.data import ReportData
from segmentation.report.findings import agreement, answer, relative_names, structure, votes
from segmentation.report.quality import waterfall
from segmentation.report.segments import segment_cards
from segmentation.report.tables import ABC_RULE, country_table, product_table
from segmentation.report.text import (
    MISSING,
    compact,
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
    style, script = _template_file("report.css").strip(), _template_file("report.js").strip()
    configuration = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
    return (
        _environment()
        .get_template("index.html")
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
            sweep=data.sweep,
            choice=f"{sentence(data.choice.reason)}.",
            votes=voted,
            agreement=agreement(voted, data.choice.k),
            structure=structure(profiles, data.sweep, data.choice.k),
            countries=data.countries and country_table(data.countries, profiles, currency),
            products=data.products and product_table(data.products, profiles, currency),
            quality=waterfall(data.quality, data.rejected_examples, currency),
            facts=_run_facts(data, details),
            files=details.facts["input"]["files"],
            details=details,
            configuration=[without_secrets(line) for line in configuration.splitlines()],
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
        ("Revenue with guests' sales", money(data.sold[s.REVENUE], currency)),
        *[
            (label, f"{sold.total[s.ROWS]:,}")
            for label, sold in (("Countries", data.countries), ("Products", data.products))
            if sold is not None
        ],
    ]


def _run_facts(data: ReportData, details: RunDetails) -> list[tuple[str, str]]:
    """Return how the run was made, each fact with its label."""
    facts, files = details.facts, details.facts["input"]["files"]
    first, last = data.period
    return [
        ("Run", details.run_id),
        ("Sales", f"{day(first)} to {day(last)}" if first != last else day(first)),
        ("As of", f"{day(date.fromisoformat(facts['as_of']))}: days since a purchase count to this day"),
        ("Input", f"{counted(len(files), 'file')}, {size_of(sum(int(file['bytes']) for file in files))}"),
        ("Began", moment(datetime.fromisoformat(facts["began_at"]))),
        ("Version", f"{facts['code_version']}, Spark {facts['spark_version']}"),
    ]


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
    formats = (compact, counted, cut, day, duration, sentence, shown, size_of)
    environment.filters |= {function.__name__: function for function in formats}
    environment.filters["fixed"] = lambda value: MISSING if finite(value) is None else f"{value:.3f}"
    environment.globals |= {"abc_rule": ABC_RULE, "files_listed": FILES_LISTED}
    return environment


def _template_file(name: str) -> str:
    """Read a file of the template as a resource, since on a cluster the library is a zip."""
    return (resources.files("segmentation.report") / "template" / name).read_text(encoding="utf-8")


def _visible(value: Any) -> Any:
    """Escape the control characters of every text that the template inserts."""
    return value if isinstance(value, Markup) else printable(str(value))


def _security_policy(style: str, script: str) -> str:
    """Allow the page's own style and script, known by their hashes, and the icon in its tab; forbid everything else."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style)]
    return (
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    ).format(*digests)
