"""Reports of made-up runs: any number of segments, countries and products, any names; and a page parsed for tests."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.report.aggregates import LARGEST_SHOWN
from segmentation.report.data import History, ReportData, Sold, with_money
from segmentation.report.marks import Drawing
from segmentation.report.page import RunDetails, render

ROOT = Path(__file__).resolve().parents[3]
Row = dict[str, Any]

CLASSIC = (
    ("Low Spend, Low Frequency", 4087, "4462317.0040"),
    ("Medium Spend, Medium Frequency", 237, "2839244.7400"),
    ("High Spend, High Frequency", 8, "440795.9300"),
    ("High Spend, Low Frequency", 6, "1144851.2200"),
)
CUSTOMER = "17850"
RUN_BEFORE = "4f0c1d7a9b22"
# Each would do something somewhere, were it not shown as text.
HOSTILE = (
    "<script>alert('run')</script>",
    "<img src=x onerror=alert(1)>",
    "'\"><svg onload=alert(2)>",
    "{{ 7 * 7 }} {% raw %} ${alert(3)}",
    "</style><style>body{display:none}</style>",
    "javascript:alert(4)",
    "&lt;b&gt; &amp; &#x3c;i&#x3e;",
    "ends \x1b[31mred\x00\u202egnirts\u2066 \u2028 \ufeff",
    "<!-- ]]> --> </title></textarea>",
    "مرحبا بالعالم",
    "unicorn 🦄 👩‍👩‍👧",
    "W" * 3000,
    "long words " * 300,
)
CHARTS = ("elbow", "segments", "concentration")


# ---- the data of a report ----


def config(*overrides: str, file: str = "online_retail.yaml") -> RunConfig:
    """A configuration of `conf/`, by net figures unless the overrides say otherwise."""
    return load_config(str(ROOT / "conf" / file), ["figures=net", *overrides])


def profiles_of(segments: Sequence[tuple[str, int, str]], returned: Sequence[str] = (), first: int = 1) -> list[Row]:
    """Rows of segment_profiles from each segment's name, customers and revenue; of the features only spend differs.

    `returned` is the money that came back of each segment, nothing by default; what stayed is what counts. Ids begin
    at `first`: 0 is the group of customers of whom nothing stayed.
    """
    customers = sum(number for _, number, _ in segments)
    revenue = sum(Decimal(money) for _, _, money in segments)
    rows = []
    back = [Decimal(money) for money in returned] or [Decimal(0)] * len(segments)
    for segment_id, ((name, number, money), came_back) in enumerate(zip(segments, back, strict=True), first):
        spend = float(Decimal(money) / number)
        stayed = float((Decimal(money) - came_back) / number)
        row: Row = {
            "segment_id": segment_id,
            "segment_name": name,
            "suggested_name": name,
            "spend_rank": segment_id,
            "rule": "there is a rule",
            "customers": number,
            "customer_share": number / customers,
            "revenue": Decimal(money),
            "revenue_share": float(Decimal(money) / revenue) if revenue else 0.0,
            "net_revenue": Decimal(money) - came_back,
            "jaccard": 0.9,
            **{f"mean_{feature}": float(segment_id) for feature in s.NUMERIC_FEATURES},
            **{f"median_{feature}": float(segment_id) for feature in s.NUMERIC_FEATURES},
            "mean_total_spend": spend,
            "median_total_spend": spend / 2,
            "mean_net_spend": stayed,
            "median_net_spend": stayed / 2,
            "centre": {"total_spend": spend, "purchase_frequency": 1.0},
        }
        if segment_id == 0:
            row |= {"centre": {}, "median_net_recency_days": None, "mean_net_recency_days": None}
        rows.append(row)
    return with_money(rows, "net_revenue")


def overall_of(profiles: Sequence[Row]) -> Row:
    """The row of all customers, as if every segment had as many."""

    def mean(name: str) -> float | None:
        values = [row[name] for row in profiles if row[name] is not None]
        return sum(values) / len(values) if values else None

    return {
        f"{statistic}_{feature}": mean(f"{statistic}_{feature}")
        for statistic in ("mean", "median")
        for feature in s.NUMERIC_FEATURES
    }


def statistics_of(profiles: Sequence[Row]) -> list[Row]:
    def quartiles(row: Row) -> Row:
        return {
            f"quartiles_{feature}": [row[f"median_{feature}"] * part for part in (0.5, 1, 2)]
            for feature in s.NUMERIC_FEATURES
            if row[f"median_{feature}"] is not None
        }

    return [{"segment_id": row["segment_id"], **quartiles(row)} for row in profiles]


def sweep_of(silhouettes: Sequence[float], chosen: int) -> list[Row]:
    """Rows of k_sweep from k = 1 on; Davies-Bouldin and Calinski-Harabasz rise with k."""
    rows: list[Row] = [
        dict.fromkeys(("silhouette", "davies_bouldin", "calinski_harabasz", "least_jaccard", "mean_jaccard")) | {"k": 1}
    ]
    for k, silhouette in enumerate(silhouettes, 2):
        indices = {"silhouette": silhouette, "davies_bouldin": k / 10, "calinski_harabasz": 1000.0 * k}
        rows.append({"k": k, **indices, "least_jaccard": 0.81, "mean_jaccard": 0.9})
    shared = [{"wssse": 9000 / row["k"], "least_share": 1 / row["k"], "chosen": row["k"] == chosen} for row in rows]
    return [row | more for row, more in zip(rows, shared, strict=True)]


def sold_of(key: str, names: Sequence[str], segments: int, revenue: int = 1000, first: int = 1) -> Sold:
    """A rollup by falling revenue, a tenth of it from guests, the rest in equal parts from each segment."""
    rows: list[Row] = []
    total = sum(Decimal(revenue) / (index + 1) for index in range(len(names)))
    added_up = Decimal(0)
    for index, name in enumerate(names):
        money = (Decimal(revenue) / (index + 1)).quantize(Decimal("0.0001"))
        added_up += money
        share = float(added_up / total) if total else 0.0
        row = {
            "revenue": money,
            "guest_revenue": (money / 10).quantize(Decimal("0.0001")),
            "net_revenue": money,
            "units": 10 * (index + 1),
            "orders": index + 2,
            "customers": 30 + index if index != 2 else 3,
            "revenue_share": float(money / total) if total else 0.0,
            "cumulative_revenue_share": share,
            "abc_class": "A" if index == 0 or share <= 0.8 else "B" if share <= 0.95 else "C",
        }
        if key == "country":
            row |= {"country": name, "average_order_value": money}
        else:
            price = None if index % 3 == 2 else Decimal(index)
            row |= {"stock_code": f"{22000 + index}", "description": name, "average_unit_price": price}
            row |= {"is_merchandise": name != "POSTAGE"}
        rows.append(row)
    if key != "country" and len(rows) > 1:
        goods, rest = [row for row in rows if row["is_merchandise"]], [row for row in rows if not row["is_merchandise"]]
    else:
        goods, rest = rows, []
    largest = goods[:LARGEST_SHOWN]
    of_segments = [
        {
            key: row[key],
            "segment_id": segment_id,
            "customers": row["customers"],
            "revenue": (row["revenue"] - row["guest_revenue"]) / segments,
            "rank": rank,
        }
        for rank, row in enumerate(largest, 1)
        for segment_id in range(first, first + segments)
    ]
    classes = [
        {"abc_class": letter, "rows": len(of_class), "net_revenue": sum(row["net_revenue"] for row in of_class)}
        for letter in "ABC"
        if (of_class := [row for row in goods if row["abc_class"] == letter])
    ]
    often = [
        {
            "segment_id": 1,
            "stock_code": row["stock_code"],
            "description": row["description"],
            "customers": 1,
            "lift": None if rank == 2 else 2.84,
            "rank": rank,
        }
        for rank, row in enumerate(goods[:2] if key != "country" and segments > 1 else [], 1)
    ]
    return Sold("net_revenue", largest, _sums(goods), _sums(rest) if rest else None, classes, of_segments, often)


def _sums(rows: Sequence[Row]) -> Row:
    names = ("revenue", "guest_revenue", "net_revenue", "units")
    return {"rows": len(rows)} | {name: sum(row[name] for row in rows) for name in names}


def example_line(reason: str, **fields: str) -> Row:
    values = ("C536379", "22423", "CAKESTAND", "-1", "12/1/2010 9:41", "27.50", CUSTOMER, "United Kingdom")
    return {"reason": reason, **dict(zip(s.LINE_FIELDS, values, strict=True)), **fields}


def quality_of(clean: int = 392_692, **rows: int) -> list[Row]:
    """Rows of data_quality: by default those of the real data."""
    counts = {"malformed": 0, "cancellation": 9288, "adjustment": 3, "non_positive_quantity": 1336}
    counts |= {"non_positive_price": 1179, "out_of_period": 0, "duplicate": 5226, "guest": 132_185}
    counts |= {**rows, "clean": clean}
    read = sum(counts.values())
    return [
        {"rule": rule, "rows": count, "share": count / read, "revenue": Decimal(count) * Decimal("1.5")}
        for rule, count in counts.items()
    ]


def report_data(
    segments: Sequence[tuple[str, int, str]] = CLASSIC,
    countries: Sequence[str] = ("United Kingdom", "EIRE", "France"),
    products: Sequence[str] = ("CAKESTAND", "POSTAGE", "LANTERN"),
    without: Sequence[str] = (),
    **changed: Any,
) -> ReportData:
    """What a run could have found, `without` countries or products; `changed` are other fields of ReportData."""
    profiles = changed.get("profiles") or profiles_of(segments)
    k, first = len(profiles), min(row["segment_id"] for row in profiles)
    fields: dict[str, Any] = {
        "config": config(),
        "choice": Choice(k, "elbow", k, f"the elbow of the WSSSE curve is at k = {k}"),
        "as_of": date(2011, 12, 10),
        "sweep": sweep_of([0.9 - n / 100 for n in range(max(k, 9))], k),
        "profiles": profiles,
        "statistics": statistics_of(profiles),
        "overall": overall_of(profiles),
        "returned_orders": [],
        "quality": quality_of(),
        "countries": sold_of("country", countries, k, first=first),
        "products": sold_of("stock_code", products, k, first=first),
        "sales": {
            "revenue": Decimal("1833.3333"),
            "first_sold_at": datetime(2010, 12, 1, 8, 26),
            "last_sold_at": datetime(2011, 12, 9, 12, 50),
        },
        "rfm_profiles": [rfm_row("Champions", 300, "4000"), rfm_row("Lost", 700, "1000")],
        "rfm_cuts": ["Recency: 5 is up to 30 days (half the usual gap)"],
        "rejected_examples": [example_line("cancellation")],
        # Of these the charts alone are made.
        "drawn_customers": [],
        "lorenz_points": [],
        "period_sales": [],
        "months": 1,
        "recency_bins": [],
        "days": 10,
    }
    return ReportData(**{**fields, **changed, **dict.fromkeys(without)})


def move(
    before: int | None,
    after: int | None,
    customers: int,
    cause: str | None = None,
    net: tuple[str | None, str | None] = ("100", "100"),
    names: Sequence[tuple[str, int, str]] = CLASSIC,
    returned: int = 0,
) -> Row:
    """A row of `changes.movements`, `returned` of them with new returns; names are those of `names`, by id from 1."""

    def name(segment_id: int | None) -> str | None:
        return names[segment_id - 1][0] if segment_id else None

    kind = "entered" if before is None else "left" if after is None else "moved" if before != after else None
    net_before, net_after = (None if value is None else Decimal(value) for value in net)
    return {
        "previous_segment_id": before,
        "previous_segment_name": name(before),
        "segment_id": after,
        "segment_name": name(after),
        "kind": kind,
        "cause": cause,
        "has_new_lines": cause == "purchase",
        "customers": customers,
        "net_spend_before": None if before is None else net_before,
        "net_spend_after": None if after is None else net_after,
        "with_new_returns": returned,
    }


def history_of(moves: Sequence[Row], names: Sequence[tuple[str, int, str]] = CLASSIC, **changed: Any) -> History:
    """What a run of a later day says of its model and of the run before; `changed` are entries of the model."""
    model = {
        "fitted_in": RUN_BEFORE,
        "fitted_as_of": "2011-11-01",
        "segments": [{"segment_id": number, "name": {"name": name}} for number, (name, _, _) in enumerate(names, 1)],
        "is_fitted": False,
        "why": "it is 39 days old, and customers have not drifted",
        "events": [],
        "renamed": [],
    }
    return History({**model, **changed}, RUN_BEFORE, date(2011, 12, 9), moves)


def rfm_row(name: str, customers: int, revenue: str) -> Row:
    """A row of rfm_profiles, as if there were a thousand customers who bought for 5000."""
    medians = {f"median_{name}": 2.0 for name in s.NUMERIC_FEATURES}
    return medians | {
        "rfm_segment": name,
        "rule": "Last order up to 30 days ago",
        "customers": customers,
        "customer_share": customers / 1000,
        "net_revenue": Decimal(revenue),
        "net_revenue_share": float(Decimal(revenue) / 5000),
    }


def run_details(**changed: Any) -> RunDetails:
    """How that run could have been made; `changed` are other fields of RunDetails."""
    fields: dict[str, Any] = {
        "run_id": "8130dbee145b",
        "facts": {
            "as_of": "2011-12-10",
            "began_at": "2026-11-25T19:18:27+00:00",
            "input": {"files": [{"path": "file:/data/lines.csv", "bytes": 7_479_384, "format": "csv"}]},
            "code_version": "0.1.0+abc",
            "spark_version": "4.3.0",
        },
        "seconds": {"Cleaning the lines": 12.34, "Auditing": 497.4},
        "warnings": [],
        "command": "spark-submit jobs/segment_customers.py --config conf/online_retail.yaml --input lines.csv",
    }
    return RunDetails(**{**fields, **changed})


def small_chart(name: str) -> Drawing:
    """A chart as `drawing` makes one, small."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 200" class="chart" role="img" '
        f'aria-label="What {name} finds">'
        '<g data-segment="1"><circle cx="50" cy="50" r="20" fill="#56B4E9"></circle></g>'
        '<g data-segment="2"><rect x="100" y="20" width="40" height="40" fill="#E69F00"></rect></g></svg>'
    )
    return Drawing(f"What {name} finds", f"How {name} is to be read.", "", svg, svg)


SMALL_CHARTS = {name: small_chart(name) for name in CHARTS}


def page_of(**changed: Any) -> "Page":
    """The page of a made-up run, parsed; `changed` are arguments of `report_data`."""
    return Page(render(report_data(**changed), {}, run_details()))


# ---- the page, parsed ----

VOID = {"meta", "link", "input", "br", "img"}
BLOCKS = {"p", "li", "h1", "h2", "h3", "h4", "div", "dd", "dt", "summary", "tr", "td", "th"}


class Page(HTMLParser):
    """A page parsed: its text, its elements with their attributes, and the rows of each table."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.raw: dict[str, str] = {}
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.feed(html)
        self.close()
        assert self.open == [], "every element is closed"

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("th", "td"):
            self.tables[-1][-1].append("")
        if tag in BLOCKS:
            self.texts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("style", "script"):
            self.raw[self.open[-1]] = data
            return
        self.texts.append(data)
        if "table" in self.open and any(tag in ("th", "td") for tag in self.open):
            self.tables[-1][-1][-1] += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def table_with(self, heading: str) -> list[list[str]]:
        return next(table for table in self.tables if heading in table[0])
