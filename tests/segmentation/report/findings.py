"""What a run could have found, made by code: any number of segments, countries and products, any names."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.report.charts.svg import DrawnChart
from segmentation.report.data import LARGEST_SHOWN, ReportRows, Sold
from segmentation.report.page import Findings

ROOT = Path(__file__).resolve().parents[3]
Row = dict[str, Any]

CLASSIC = (
    ("Low Spend, Low Frequency", 4087, "4462317.0040"),
    ("Medium Spend, Medium Frequency", 237, "2839244.7400"),
    ("High Spend, High Frequency", 8, "440795.9300"),
    ("High Spend, Low Frequency", 6, "1144851.2200"),
)
CUSTOMER = "17850"
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


def config(*overrides: str, file: str = "online_retail.yaml") -> RunConfig:
    return load_config(str(ROOT / "conf" / file), overrides)


def profiles_of(segments: Sequence[tuple[str, int, str]]) -> list[Row]:
    """Rows of segment_profiles: name, customers and revenue of each; of the features only the spend differs."""
    customers, revenue = sum(one[1] for one in segments), sum(Decimal(one[2]) for one in segments)
    rows = []
    for segment_id, (name, number, money) in enumerate(segments, 1):
        features = {
            f"{measure}_{feature}": float(segment_id)
            for feature in s.NUMERIC_FEATURES
            for measure in ("mean", "median")
        }
        spend = float(Decimal(money) / number)
        rows.append(
            {
                "segment_id": segment_id,
                "segment_name": name,
                "rule": "there is a rule",
                "customers": number,
                "customer_share": number / customers,
                "revenue": Decimal(money),
                "revenue_share": float(Decimal(money) / revenue) if revenue else 0.0,
                **features,
                "mean_total_spend": spend,
                "median_total_spend": spend / 2,
                "centre": {"total_spend": spend, "purchase_frequency": 1.0},
            }
        )
    return rows


def statistics_of(profiles: Sequence[Row]) -> list[Row]:
    return [
        {"segment_id": row["segment_id"]}
        | {
            f"quartiles_{feature}": [row[f"median_{feature}"] * part for part in (0.5, 1, 2)]
            for feature in s.NUMERIC_FEATURES
        }
        for row in profiles
    ]


def sweep_of(silhouettes: Sequence[float], chosen: int) -> list[Row]:
    """Rows of k_sweep from k = 1 on; Davies-Bouldin and Calinski-Harabasz rise with k."""
    rows: list[Row] = [{"k": 1, "silhouette": None, "davies_bouldin": None, "calinski_harabasz": None}]
    for k, silhouette in enumerate(silhouettes, 2):
        rows.append({"k": k, "silhouette": silhouette, "davies_bouldin": k / 10, "calinski_harabasz": 1000.0 * k})
    return [row | {"wssse": 9000 / row["k"], "chosen": row["k"] == chosen} for row in rows]


def sold_of(key: str, names: Sequence[str], segments: int, revenue: int = 1000) -> Sold:
    """A rollup whose first row brings the most; guests bring a tenth of each row, the segments share the rest."""
    every: list[Row] = []
    total = sum(Decimal(revenue) / (place + 1) for place in range(len(names)))
    added = Decimal(0)
    for place, name in enumerate(names):
        money = (Decimal(revenue) / (place + 1)).quantize(Decimal("0.0001"))
        added += money
        share = float(added / total) if total else 0.0
        every.append(
            {
                key: name if key == "country" else f"{22000 + place}",
                "revenue": money,
                "guest_revenue": (money / 10).quantize(Decimal("0.0001")),
                "units": 10 * (place + 1),
                "orders": place + 2,
                "customers": place + 1,
                "average_order_value": money,
                "revenue_share": float(money / total) if total else 0.0,
                "cumulative_revenue_share": share,
                "abc_class": "A" if place == 0 or share <= 0.8 else "B" if share <= 0.95 else "C",
            }
            | (
                {}
                if key == "country"
                else {
                    "description": name,
                    "average_unit_price": None if place % 3 == 2 else Decimal(place),
                    "is_merchandise": place != 1,
                }
            )
        )
    of_segments = [
        {
            key: row[key],
            "segment_id": one,
            "revenue": (row["revenue"] - row["guest_revenue"]) / segments,
            "place": place,
        }
        | ({} if key == "country" else {"description": row["description"]})
        for place, row in enumerate(every[:LARGEST_SHOWN], 1)
        for one in range(1, segments + 1)
    ]
    totals = {"rows": len(every)} | {
        name: sum(row[name] for row in every) for name in ("revenue", "guest_revenue", "units")
    }
    totals |= {letter: sum(row["abc_class"] == letter for row in every) for letter in "ABC"}
    if key != "country":
        totals |= {"first_sold_at": datetime(2010, 12, 1, 8, 26), "last_sold_at": datetime(2011, 12, 9, 12, 50)}
    return Sold(every[:LARGEST_SHOWN], totals, of_segments)


def _of_product(place: int, name: str) -> Row:
    price = None if place % 3 == 2 else Decimal(place)
    return {"description": name, "average_unit_price": price, "is_merchandise": place != 1}


def example(reason: str, **fields: str) -> Row:
    values = dict(
        zip(
            s.LINE_FIELDS,
            ("C536379", "22423", "CAKESTAND", "-1", "12/1/2010 9:41", "27.50", CUSTOMER, "United Kingdom"),
            strict=True,
        )
    )
    return {"reason": reason, **values, **fields}


def quality_of(clean: int = 392_692, **rows: int) -> list[Row]:
    """Rows of data_quality: by default those of the real data."""
    counts = {"malformed": 0, "cancellation": 9288, "adjustment": 3, "non_positive_quantity": 1336}
    counts |= {
        "non_positive_price": 1179,
        "out_of_period": 0,
        "duplicate": 5226,
        "guest": 132_185,
        **rows,
        "clean": clean,
    }
    read = sum(counts.values())
    return [
        {"rule": rule, "rows": count, "share": count / read, "revenue": Decimal(count) * Decimal("1.5")}
        for rule, count in counts.items()
    ]


def findings(
    segments: Sequence[tuple[str, int, str]] = CLASSIC,
    countries: Sequence[str] = ("United Kingdom", "EIRE", "France"),
    products: Sequence[str] = ("CAKESTAND", "POSTAGE", "LANTERN"),
    **changed: Any,
) -> Findings:
    profiles = profiles_of(segments)
    k = len(profiles)
    facts = {
        "as_of": "2011-12-10",
        "began_at": "2026-11-25T19:18:27+00:00",
        "input": {"files": [{"path": "file:/data/lines.csv", "bytes": 7_479_384, "format": "csv"}]},
        "code_version": "0.1.0+abc",
        "spark_version": "4.3.0",
    }
    whole: dict[str, Any] = {
        "config": config(),
        "run_id": "8130dbee145b",
        "choice": Choice(k, "elbow", k, f"the elbow of the WSSSE curve is at k = {k}"),
        "sweep": sweep_of([0.9 - n / 100 for n in range(max(k, 9))], k),
        "profiles": profiles,
        "statistics": statistics_of(profiles),
        "quality": quality_of(),
        "rows": ReportRows(
            sold_of("country", countries, k), sold_of("stock_code", products, k), [example("cancellation")]
        ),
        "charts": [],
        "facts": facts,
        "seconds": {"Cleaning the lines": 12.34, "Auditing": 497.4},
        "warnings": [],
        "command": "spark-submit jobs/segment_customers.py --config conf/online_retail.yaml --input lines.csv",
    }
    return Findings(**{**whole, **changed})


def chart(name: str) -> DrawnChart:
    """A chart as `charts.svg` draws one, small."""
    return DrawnChart(
        name,
        f"What {name} finds",
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 200" class="chart" role="img" '
        f'aria-label="What {name} finds">'
        '<g data-segment="1"><circle cx="50" cy="50" r="20" fill="#56B4E9"></circle></g>'
        '<g data-segment="2"><rect x="100" y="20" width="40" height="40" fill="#E69F00"></rect></g></svg>',
    )


CHARTS = ("elbow", "segments", "profiles", "countries", "products", "concentration", "months", "recency")
