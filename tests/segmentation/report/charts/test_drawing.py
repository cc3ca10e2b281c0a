"""All charts of a run from its tables: drawn of few rows, the same however the rows lie, and naming no customer."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pyspark.sql import SparkSession

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.files import load_config
from segmentation.report.charts import draw_all
from segmentation.report.charts.svg import DrawnChart
from segmentation.report.data import Sold
from segmentation.report.text import compact

CONFIG = Path(__file__).resolve().parents[4] / "conf" / "online_retail.yaml"
NAMES = ["elbow", "segments", "profiles", "concentration", "months", "recency", "countries", "products"]
AS_OF = date(2011, 12, 10)
CUSTOMERS = 300


def customers() -> list[dict[str, Any]]:
    return [
        {
            "customer_id": f"secret{number:04}",
            "segment_id": 1 + (number % 10 == 0),
            "total_spend": Decimal(10 + number % 7 + 900 * (number % 10 == 0)),
            "purchase_frequency": 1 + number % 5,
            "recency_days": 1 + number,
            "first_purchase_at": datetime(2011, 12, 9) - timedelta(days=number),
            "last_purchase_at": datetime(2011, 12, 9) - timedelta(days=number),
            "as_of": AS_OF,
        }
        for number in range(CUSTOMERS)
    ]


def profile(segment_id: int, name: str) -> dict[str, Any]:
    members = [row for row in customers() if row["segment_id"] == segment_id]
    revenue, everything = (sum(row["total_spend"] for row in rows) for rows in (members, customers()))
    return {
        "segment_id": segment_id,
        "segment_name": name,
        "customers": len(members),
        "customer_share": len(members) / CUSTOMERS,
        "revenue": revenue,
        "revenue_share": float(revenue / everything),
        **{f"mean_{feature}": 10.0 * segment_id for feature in s.NUMERIC_FEATURES},
        **{f"median_{feature}": 10.0 * segment_id for feature in s.NUMERIC_FEATURES},
    }


def drawn(spark: SparkSession, folder: Path, partitions: int) -> tuple[list[DrawnChart], dict[str, bytes]]:
    people = customers()
    segments = spark.createDataFrame(
        [tuple(row.values()) for row in people],
        "customer_id string, segment_id int, total_spend decimal(20,4), purchase_frequency bigint, recency_days int, "
        "first_purchase_at timestamp_ntz, last_purchase_at timestamp_ntz, as_of date",
    ).repartition(partitions)
    orders = spark.createDataFrame(
        [(row["customer_id"], row["last_purchase_at"], row["total_spend"]) for row in people],
        "customer_id string, first_sold_at timestamp_ntz, revenue decimal(30,4)",
    ).repartition(partitions)
    pictures: dict[str, bytes] = {}
    charts = draw_all(
        load_config(str(CONFIG)),
        Choice(2, "elbow", 2, "the elbow"),
        [{"k": k, "wssse": 100.0 / k**2, "silhouette": None, "chosen": k == 2} for k in range(1, 6)],
        [profile(1, "Many"), profile(2, "Few")],
        orders,
        segments,
        sold("country", [("France", 60), ("Spain", 40)]),
        sold("stock_code", [("1", 60), ("<b>", 40)]),
        put=lambda path, name: pictures.update({name: path.read_bytes()}),
    )
    return charts, pictures


def sold(key: str, rows: list[tuple[str, int]]) -> Sold:
    largest = [
        {
            key: label,
            "description": None,
            "revenue": Decimal(revenue),
            "cumulative_revenue_share": sum(other for _, other in rows[: place + 1]) / 100,
            "abc_class": "A",
        }
        for place, (label, revenue) in enumerate(rows)
    ]
    return Sold(largest, {"rows": len(rows), "A": len(rows)}, [])


@pytest.fixture(scope="module")
def charts(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[DrawnChart], dict[str, bytes]]:
    return drawn(spark, tmp_path_factory.mktemp("charts"), 1)


def test_every_chart_is_put_as_a_picture_and_returned_as_svg(
    charts: tuple[list[DrawnChart], dict[str, bytes]],
) -> None:
    svgs, pictures = charts
    assert [chart.name for chart in svgs] == NAMES
    assert list(pictures) == [f"charts/{name}.png" for name in NAMES]
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())
    for chart in svgs:
        root = ET.fromstring(chart.svg)
        assert chart.title
        assert root.get("aria-label") == chart.title


def test_titles_are_found_in_the_tables(charts: tuple[list[DrawnChart], dict[str, bytes]]) -> None:
    titles = {chart.name: chart.title for chart in charts[0]}
    few, everything = (sum(row["total_spend"] for row in rows) for rows in (customers()[::10], customers()))
    share = round(100 * few / everything)
    assert titles["segments"] == f"30 customers (10 %) bring {share} % of revenue: Few"
    assert titles["concentration"] == f"The top 10 % of customers bring {share} % of revenue"
    months: dict[int, list[Decimal]] = {}
    for row in customers():
        months.setdefault(row["last_purchase_at"].month, []).append(row["total_spend"])
    best = max(months, key=lambda month: sum(months[month]))
    said = f"{date(2011, best, 1):%B} 2011 was the best month: {compact(sum(months[best]), '£')} of revenue"
    assert titles["months"].startswith(f"{said} from {len(months[best])} customers")
    assert titles["recency"] == "Many: half bought in the last 10 days; Few: in the last 20"


def test_no_chart_names_a_customer(charts: tuple[list[DrawnChart], dict[str, bytes]]) -> None:
    assert not [chart.name for chart in charts[0] if "secret" in chart.svg]


def test_charts_do_not_depend_on_how_the_rows_lie(
    spark: SparkSession, tmp_path: Path, charts: tuple[list[DrawnChart], dict[str, bytes]]
) -> None:
    svgs, pictures = drawn(spark, tmp_path, 7)
    assert [chart.name for chart, other in zip(svgs, charts[0], strict=True) if chart != other] == []
    assert [name for name, content in pictures.items() if content != charts[1][name]] == []
