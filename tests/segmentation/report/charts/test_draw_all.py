"""All charts of a run: drawn from a few rows of its tables, and naming no customer."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.files import load_config
from segmentation.report.charts import draw_all
from segmentation.report.data import LargeTables, ReportData, collect
from segmentation.report.marks import Drawing
from segmentation.scoring.statistics import CustomerStatistics, customer_statistics
from tests.segmentation.report.sample_report import history_of, move

CONFIG = Path(__file__).resolve().parents[4] / "conf" / "online_retail.yaml"
ON_PAGE = ["elbow", "segments", "concentration", "flow"]
NAMES = ["elbow", "segments", "profiles", "concentration", "months", "recency", "flow", "countries", "products"]
SEGMENTS = [("Many", 270, "1"), ("Few", 30, "1")]
AS_OF = date(2011, 12, 10)
CUSTOMERS = 300


def customers() -> list[dict[str, Any]]:
    return [
        {
            "customer_id": f"secret{number:04}",
            "segment_id": 1 + (number % 10 == 0),
            **dict.fromkeys(s.NUMERIC_FEATURES, Decimal(number)),
            "total_spend": Decimal(10 + number % 7 + 900 * (number % 10 == 0)),
            "purchase_frequency": Decimal(1 + number % 5),
            "recency_days": Decimal(1 + number),
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
        "spend_rank": segment_id,
        "customers": len(members),
        "customer_share": len(members) / CUSTOMERS,
        "revenue": revenue,
        "revenue_share": float(revenue / everything),
        "net_revenue": revenue,
        "jaccard": None,
        **{f"mean_{feature}": 10.0 * segment_id for feature in s.NUMERIC_FEATURES},
        **{f"median_{feature}": 10.0 * segment_id for feature in s.NUMERIC_FEATURES},
    }


def data_of(spark: SparkSession, partitions: int) -> ReportData:
    segments = spark.createDataFrame(
        [tuple(row.values()) for row in customers()],
        ", ".join(["customer_id string, segment_id int", *[f"{name} decimal(20,4)" for name in s.NUMERIC_FEATURES]])
        + ", first_purchase_at timestamp_ntz, last_purchase_at timestamp_ntz, as_of date",
    )
    orders = spark.createDataFrame(
        [
            (row["customer_id"], row["customer_id"], *2 * [row["last_purchase_at"]], row["total_spend"], Decimal(0))
            for row in customers()
        ],
        "customer_id string, invoice_no string, first_sold_at timestamp_ntz, last_sold_at timestamp_ntz, "
        "revenue decimal(30,4), returned decimal(30,4)",
    )
    named = segments.withColumns({s.SEGMENT_NAME: F.lit("Many"), s.RFM_SEGMENT: F.lit("Loyal")})
    empty = "segment_id int, customers bigint, revenue decimal(20,4)"
    return collect(
        load_config(str(CONFIG)),
        Choice(2, "elbow", 2, "the elbow"),
        [{"k": k, "wssse": 100.0 / k**2, "silhouette": None, "chosen": k == 2} for k in range(1, 6)],
        [profile(1, "Many"), profile(2, "Few")],
        statistics=CustomerStatistics.of(customer_statistics(named, s.RECENCY_DAYS).collect()),
        quality=[],
        rfm_cuts=[],
        rfm_profiles=[],
        tables=LargeTables(
            orders=orders.repartition(partitions),
            customer_segments=segments.repartition(partitions),
            rejected_transactions=spark.createDataFrame(
                [], ", ".join(f"{name} string" for name in (s.REASON, *s.LINE_FIELDS))
            ),
            country_sales=sold(spark, "country", [("France", 60), ("Spain", 40)]),
            product_sales=sold(spark, "stock_code", [("1", 60), ("<b>", 40)]),
            country_segments=spark.createDataFrame([], f"country string, {empty}"),
            product_segments=spark.createDataFrame([], f"stock_code string, {empty}"),
        ),
        history=history_of([move(1, 2, 3, "purchase", names=SEGMENTS), move(1, 1, 270, names=SEGMENTS)], SEGMENTS),
    )


def sold(spark: SparkSession, key: str, rows: list[tuple[str, int]]) -> DataFrame:
    values = [
        (label, None, Decimal(revenue), sum(other for _, other in rows[: index + 1]) / 100, "A", Decimal(0), 1)
        for index, (label, revenue) in enumerate(rows)
    ]
    return spark.createDataFrame(
        values,
        f"{key} string, description string, revenue decimal(20,4), cumulative_revenue_share double, abc_class string, "
        "guest_revenue decimal(20,4), units bigint",
    )


@pytest.fixture(scope="module")
def data(spark: SparkSession) -> ReportData:
    return data_of(spark, partitions=1)


@pytest.fixture(scope="module")
def drawn(data: ReportData) -> tuple[dict[str, Drawing], dict[str, bytes]]:
    pictures: dict[str, bytes] = {}
    drawings = draw_all(data, put=lambda path, name: pictures.update({name: path.read_bytes()}))
    return drawings, pictures


def test_every_chart_is_put_as_png_and_some_are_drawn_for_the_page(
    drawn: tuple[dict[str, Drawing], dict[str, bytes]],
) -> None:
    drawings, pictures = drawn
    assert list(drawings) == ON_PAGE
    assert list(pictures) == [f"charts/{name}.png" for name in NAMES]
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())


def test_a_narrow_drawing_has_texts_that_a_phone_can_show(
    drawn: tuple[dict[str, Drawing], dict[str, bytes]],
) -> None:
    for name, drawing in drawn[0].items():
        _, _, width, _ = map(float, ET.fromstring(drawing.narrow).attrib["viewBox"].split())
        assert 310 / width * 11 >= 10, f"{name}: texts of 11 points are at least 10 pixels high at 310 pixels"
        for svg in (drawing.wide, drawing.narrow):
            assert drawing.title not in "".join(ET.fromstring(svg).itertext()), "the page writes the title itself"


def test_titles_are_true_to_the_tables(drawn: tuple[dict[str, Drawing], dict[str, bytes]]) -> None:
    titles = {name: drawing.title for name, drawing in drawn[0].items()}
    few, everything = (sum(row["total_spend"] for row in rows) for rows in (customers()[::10], customers()))
    share = round(100 * few / everything)
    assert titles["segments"] == f"30 customers (10 %) bring {share} % of revenue: Few"
    assert titles["flow"] == "3 of 273 customers moved to another segment"
    assert drawn[0]["elbow"].explanation.startswith("As of 1 November 2011, when run"), "the sweep is of another run"
    assert titles["concentration"] == f"The top 10 % of customers bring {share} % of revenue"


def test_no_chart_names_a_customer(drawn: tuple[dict[str, Drawing], dict[str, bytes]]) -> None:
    assert not [name for name, drawing in drawn[0].items() if "secret" in "".join(drawing)]


def test_charts_do_not_depend_on_the_order_of_the_rows(spark: SparkSession, data: ReportData) -> None:
    assert data_of(spark, partitions=7) == data
