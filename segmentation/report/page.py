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
from segmentation.report.changes import (
    fit_in_words,
    model_in_words,
    what_changed,
    window_in_words,
    without_customers,
)
from segmentation.report.data import ReportData
from segmentation.report.findings import MONEY, agreement, answer, relative_names, votes
from segmentation.report.marks import Drawing
from segmentation.report.panels import heatmap, months_panel, recency_panel
from segmentation.report.quality import waterfall
from segmentation.report.returns import returns_warnings
from segmentation.report.segments import habits, segment_cards
from segmentation.report.tables import PRINTED, country_table, product_table
from segmentation.report.text import (
    MISSING,
    compact,
    cut,
    day,
    duration,
    finite,
    moment,
    money,
    percent,
    sentence,
    size_of,
)

REPORT: Final = "report/index.html"
FILES_LISTED: Final = 20
# So that the answer is one page on paper.
SUMMARY_PRINTED: Final = 10
CAVEATS_SHOWN: Final = 2


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


def render(data: ReportData, charts: Mapping[str, Drawing], details: RunDetails) -> str:
    """Return the report as HTML. The same arguments give the same text.

    `charts` are drawings by the name of the chart; any may be missing.
    """
    config, profiles, currency = data.config, data.profiles, data.config.charts.currency
    is_net = config.figures == "net"
    voted = votes(data.sweep, data.choice)
    cards = segment_cards(data)
    brought = {int(row[s.SEGMENT_ID]): row[MONEY] for row in profiles}
    verdict = f"{data.choice.words}." if data.choice.words else ""
    caveat = [verdict] if data.choice.verdict == "constructed" and verdict else []
    style, script = _template_file("report.css").strip(), _template_file("report.js").strip()
    settings = config.model_dump(mode="json")
    configuration = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None)
    return (
        _environment()
        .get_template("index.html")
        .render(
            title=config.title,
            policy=_security_policy(style, script),
            style=Markup(style),
            script=Markup(script),
            charts={name: _marked_up(drawing) for name, drawing in charts.items()},
            answer=answer(profiles, config, *data.period),
            caveats=[*returns_warnings(profiles, data.returned_orders, currency, is_net), *caveat],
            period=data.period,
            window=window_in_words(data.history, data.as_of),
            changes=what_changed(data),
            model="" if data.history.model.get("is_fitted") else model_in_words(data.history),
            fit=fit_in_words(data.history),
            nobody=without_customers(data.history, profiles),
            is_gross=not is_net,
            money_heading="Money that stayed" if is_net else "Revenue",
            relative=relative_names(config.naming.scheme, len(profiles)),
            totals=_totals(data),
            segments=cards,
            summary=sorted(cards, key=lambda card: -brought[card.id]),
            habits=habits(data),
            cuts=data.rfm_cuts,
            lists=data.lists,
            compared=heatmap(data),
            months=months_panel(data),
            recency=recency_panel(data),
            sweep=data.sweep,
            verdict=verdict,
            is_caveat=bool(caveat),
            choice=f"{data.choice.reason if data.choice.reason.startswith('k = ') else sentence(data.choice.reason)}.",
            votes=voted,
            agreement=agreement(voted, data.choice.k),
            countries=data.countries and country_table(data.countries, profiles, currency),
            products=data.products and product_table(data.products, profiles, currency),
            quality=waterfall(data.quality, data.rejected_examples, currency),
            facts=_run_facts(data, details),
            files=details.facts["input"]["files"],
            details=details,
            configuration=[without_secrets(line) for line in configuration.splitlines()],
        )
    )


def _marked_up(drawing: Drawing) -> Mapping[str, str]:
    """Return a drawing's parts by name, its pictures as safe markup."""
    return {**drawing._asdict(), "wide": Markup(drawing.wide), "narrow": Markup(drawing.narrow)}


def _totals(data: ReportData) -> list[tuple[str, str]]:
    """Return the figures below the answer, each with its label."""
    currency = data.config.charts.currency
    gross, net = (sum((row[name] for row in data.profiles), Decimal(0)) for name in (s.REVENUE, s.NET_REVENUE))
    of_guests = "Revenue with guests' sales" if data.config.figures == "gross" else "Net revenue with guests'"
    totals = [
        ("Customers", f"{sum(int(row[s.CUSTOMERS]) for row in data.profiles):,}"),
        ("Customers bought for", money(gross, currency)),
        ("of which stayed", money(net, currency)),
        (of_guests, money(data.sales[s.REVENUE], currency)),
    ]
    for sold, name in ((data.countries, "Countries"), (data.products, "Products")):
        if sold is not None:
            totals.append((name, f"{sold.total[s.ROWS]:,}"))
    return totals


def _run_facts(data: ReportData, details: RunDetails) -> list[tuple[str, str]]:
    """Return how the run was made, each fact with its label."""
    facts, files = details.facts, details.facts["input"]["files"]
    first, last = data.period
    origin = [("Model", model_in_words(data.history)), ("Window", window_in_words(data.history, data.as_of))]
    return [
        ("Run", details.run_id),
        *[(label, value) for label, value in origin if value],
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
    formats = (compact, counted, cut, day, duration, percent, sentence, shown, size_of)
    environment.filters |= {function.__name__: function for function in formats}
    environment.filters["fixed"] = lambda value: MISSING if finite(value) is None else f"{value:.3f}"
    environment.globals |= {
        "files_listed": FILES_LISTED,
        "printed": PRINTED,
        "summary_printed": SUMMARY_PRINTED,
        "caveats_shown": CAVEATS_SHOWN,
    }
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
