"""A staged run is audited by its rows, keys, lines, money and model."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.clustering.drift import Training
from segmentation.clustering.kmeans import model_of
from segmentation.clustering.levels import SegmentName
from segmentation.clustering.scaling import SCALED
from segmentation.clustering.segment_model import Segment, SegmentModel
from segmentation.clustering.segments import CLUSTER
from segmentation.config.files import load_config
from segmentation.errors import QualityGateError
from segmentation.lake.audit import (
    figures_of,
    flow_figures,
    reconcile,
    require_consistent,
    saved_model,
    table_figures,
    with_reassigned,
)
from segmentation.scoring.cuts import Cut, Cuts
from tests.conftest import ROOT

QUALITY = [
    {"rule": s.CLEAN, "rows": 10, "revenue": Decimal("50.0000")},
    {"rule": s.GUEST, "rows": 2, "revenue": Decimal("5.0000")},
    *[{"rule": rule, "rows": 1, "revenue": Decimal("1.0000")} for rule in s.RULE_NAMES],
]
REJECTED = dict.fromkeys(s.RULE_NAMES, 1)
COUNTED = {"customer_segments": 4}


def consistent() -> dict[str, Any]:
    figures: dict[str, Any] = {
        table: {"rows": 4, "keys": 4, "revenue": Decimal("50.0000")}
        | dict.fromkeys(("net_revenue", "guest_revenue", "guest_returned", "returned_matched"))
        for table in s.TABLES
    }
    for table in ("customer_segments", "segment_profiles", "rfm_profiles", "rfm_by_segment"):
        figures[table] |= {"customers": 4, "net_revenue": Decimal("42.0000")}
    for table in ("country_sales", "product_sales"):
        figures[table] |= {"revenue": Decimal("55.0000"), "guest_revenue": Decimal("5.0000")}
        figures[table] |= {"guest_returned": Decimal("1.5000"), "net_revenue": Decimal("45.5000")}
    figures["customer_segments"] |= {"returned_matched": Decimal("8.0000")}
    figures["data_quality"] |= {"revenue": Decimal("62.0000"), "lines": Decimal(19)}
    figures["rejected_transactions"] |= {"rows": len(REJECTED), "keys": len(REJECTED)}
    return figures


def require(figures: Mapping[str, Any], rejected: Mapping[str, int] = REJECTED) -> None:
    require_consistent(figures, rejected, QUALITY, COUNTED)


def test_consistent_figures_pass():
    require(consistent())


@pytest.mark.parametrize(
    ("table", "name", "value", "message"),
    [
        ("customer_segments", "keys", 3, "rows of customer_segments = 4, distinct keys = 3"),
        ("customer_segments", "rows", 3, "rows of customer_segments = 3, rows counted before writing = 4"),
        (
            "customer_segments",
            "revenue",
            Decimal("49.9999"),
            "customer_segments = 49.9999, of clean lines = 50.0000",
        ),
        ("rejected_transactions", "rows", 8, "rows of rejected_transactions = 8, rejected lines = 7"),
        ("segment_profiles", "revenue", None, "revenue of segment_profiles = 0, of clean lines"),
        ("product_segments", "revenue", Decimal(51), "revenue of product_segments = 51, of clean lines"),
        ("rfm_profiles", "customers", 5, "customers of rfm_profiles = 5, rows of customer_segments = 4"),
        (
            "rfm_by_segment",
            "net_revenue",
            Decimal(44),
            "net revenue of rfm_by_segment = 44, of customer_segments = 42.0000",
        ),
        ("country_sales", "revenue", Decimal(50), "revenue of country_sales = 50, of clean and guest lines = 55.0000"),
        ("product_sales", "guest_revenue", Decimal(4), "guest revenue of product_sales = 4, of guest lines = 5.0000"),
        (
            "customer_segments",
            "returned_matched",
            Decimal(7),
            r"customer_segments = 49\.0000, of clean lines = 50\.0000",
        ),
        (
            "segment_profiles",
            "net_revenue",
            Decimal(41),
            r"of segment_profiles = 41, net_spend of customer_segments = 42\.0000",
        ),
        (
            "country_sales",
            "net_revenue",
            None,
            r"of country_sales without guests = -3\.5000, net_spend of customer_segments = 42\.0000",
        ),
        (
            "product_sales",
            "guest_returned",
            None,
            r"of product_sales without guests = 40\.5000, net_spend of customer_segments = 42\.0000",
        ),
        ("data_quality", "lines", Decimal(18), "lines in data_quality = 18, lines counted = 19"),
        ("data_quality", "revenue", Decimal(61), "revenue of data_quality = 61, of all lines = 62.0000"),
    ],
)
def test_a_table_that_disagrees_is_named_with_both_figures(table: str, name: str, value: object, message: str):
    figures = consistent()
    figures[table][name] = value
    with pytest.raises(QualityGateError, match=message):
        require(figures)


def test_lost_lines_repeated_keys_and_another_model_are_listed_at_once():
    figures = consistent()
    figures["k_sweep"]["keys"] = 3
    figures["customer_segments"]["reassigned"] = 2
    message = (
        r"figures differ: rows of k_sweep = 4, distinct keys = 3; rejected lines with the reason duplicate = 0, in "
        r"data_quality = 1; the saved model gives 2 customers another segment, distance, score, name or reason: "
        r"nothing was published"
    )
    with pytest.raises(QualityGateError, match=message):
        require(figures, rejected={**REJECTED, "duplicate": 0})


def test_flow_and_changes_are_held_to_both_runs_and_to_each_other():
    flow = [
        (1, 1, 3, "30.0000", "31.0000"),
        (1, 2, 1, "8.0000", "10.0000"),
        (2, None, 2, "5.5000", None),
        (None, 2, 1, None, "1.0000"),
    ]
    names = ("previous_segment_id", "segment_id", "customers", "net_spend_before", "net_spend_after")
    money = [(*move[:3], *(spend and Decimal(spend) for spend in move[3:])) for move in flow]
    rows = [dict(zip(names, move, strict=True)) for move in money]
    figures = consistent()
    figures["customer_segments"] |= {"rows": 5, "keys": 5}
    figures = {name: {**of_table, "customers": 5} for name, of_table in figures.items()}
    figures["segment_flow"] |= flow_figures(rows)
    figures["segment_changes"] |= {"net_spend_before": Decimal("13.5000"), "net_spend_after": Decimal("11.0000")}
    before = {"customers": 6, "net_spend": "43.5000"}
    require_consistent(figures, REJECTED, QUALITY, {}, before)
    message = (
        r"differ: customers of segment_flow = 6, rows of customer_segments = 5; net_spend_after of segment_flow = "
        r"43.0000, net_spend of customer_segments = 42.0000; customers before of segment_flow = 6, of the run before = "
        r"7; net_spend_before of segment_flow = 43.5000, of the run before = 43.4999; customers of segment_flow in "
        r"another segment = 5, rows of segment_changes = 4; their net_spend_before = 13.5000, of segment_changes = "
        r"13.4999; their net_spend_after = 12.0000, of segment_changes = 11.0000: nothing"
    )
    figures["segment_flow"] |= flow_figures([*rows, {**rows[3], "customers": 1}])
    figures["segment_changes"]["net_spend_before"] = Decimal("13.4999")
    with pytest.raises(QualityGateError, match=message):
        require_consistent(figures, REJECTED, QUALITY, {}, {"customers": 7, "net_spend": "43.4999"})


def test_lines_revenue_and_customers_are_reconciled_by_outcome():
    assert reconcile(QUALITY, 4, Decimal("42.0000")) == {
        "lines": {"read": 19, "clean": 10, "guest": 2, "rejected": 7},
        "revenue": {"read": "62.0000", "clean": "50.0000", "guest": "5.0000", "rejected": "7.0000"},
        "customers": 4,
        "net_spend": "42.0000",
    }


def single(spark: SparkSession, rows: list[tuple[object, ...]], schema: str) -> DataFrame:
    """Return the rows in one partition, which needs no shuffle."""
    return spark.createDataFrame(rows, schema).coalesce(1)


def test_table_figures_count_rows_and_keys_and_sum_money(spark: SparkSession):
    money = Decimal
    tables = {
        "country_segments": single(
            spark,
            [("EIRE", 1, money("1.5000")), ("EIRE", 2, money("2.2500")), ("EIRE", 2, money("3.0000"))],
            "country string, segment_id int, revenue decimal(20,4)",
        ),
        "customer_segments": single(
            spark,
            [("a", money(7), money(5), money(2), False), ("a", money(8), money(8), money(0), True)],
            "customer_id string, total_spend decimal(20,4), net_spend decimal(20,4), returned_matched decimal(20,4), "
            "reassigned boolean",
        ),
        "product_sales": single(
            spark,
            [("A", money(7), money(1), money(2), money(3))],
            "stock_code string, revenue decimal(20,4), guest_revenue decimal(20,4), guest_returned decimal(20,4), "
            "net_revenue decimal(20,4)",
        ),
        "segment_changes": single(
            spark,
            [("a", money(3), None), ("b", money(5), money(9))],
            "customer_id string, net_spend_before decimal(20,4), net_spend_after decimal(20,4)",
        ),
        "rejected_transactions": single(spark, [("malformed",), ("duplicate",), ("malformed",)], "reason string"),
    }
    figures = {tuple(row)[:2]: tuple(row)[2:] for row in table_figures(tables).collect()}
    assert figures == {
        ("country_segments", None): (3, 2, 0, money("6.7500"), *[None] * 6),
        ("customer_segments", None): (2, 1, 1, money(15), money(13), None, None, money(2), None, None),
        ("product_sales", None): (1, 1, 0, money(7), money(3), money(1), money(2), *[None] * 3),
        ("segment_changes", None): (2, 2, 0, *[None] * 5, money(8), money(9)),
        ("rejected_transactions", "malformed"): (2, 0, 0, *[None] * 7),
        ("rejected_transactions", "duplicate"): (1, 0, 0, *[None] * 7),
    }


def test_a_small_table_has_the_sums_of_its_rows_too():
    quality = [{"rule": "clean", "rows": 4, "revenue": Decimal("3.5")}, {"rule": "guest", "rows": 5, "revenue": 0}]
    expected = {"rows": 2, "keys": 2, "revenue": Decimal("3.5"), "lines": 9, "customers": None, "net_revenue": None}
    assert figures_of("data_quality", quality).items() >= expected.items()
    pair = {"rfm_segment": "New", "segment_id": 1, "customers": 2, "net_revenue": Decimal(1)}
    figures = figures_of("rfm_by_segment", [pair, {**pair, "segment_id": 2}, pair])
    assert figures.items() >= {"rows": 3, "keys": 2, "customers": 6, "net_revenue": Decimal(3)}.items()
    assert figures_of("k_sweep", []).items() >= {"rows": 0, "keys": 0, "customers": None}.items()


@pytest.fixture(scope="module")
def model() -> SegmentModel:
    """Two segments by total spend, with centres at 5 and 20."""
    stages = [
        VectorAssembler(inputCols=[s.TOTAL_SPEND], outputCol=SCALED),
        model_of(((5.0,), (20.0,)), SCALED, CLUSTER),
    ]
    segments = [
        Segment(number, SegmentName(name, ""), {s.TOTAL_SPEND: centre}, None)
        for number, name, centre in ((1, "Small", 5.0), (2, "Big", 20.0))
    ]
    cut = Cut((1.0, 2.0, 3.0, 4.0), "")
    choice, training = Choice(2, "fixed", None, ""), Training(2, {}, {}, 1.0)
    return SegmentModel(stages, segments, Cuts(cut, cut, cut, None), choice, training, 3, "a", date(2011, 12, 10))


def test_customers_whom_the_saved_model_scores_otherwise_are_found(spark: SparkSession, model: SegmentModel):
    config = load_config(str(ROOT / "conf/online_retail.yaml"))
    features = {s.TOTAL_SPEND: Decimal("6.0000"), s.PURCHASE_FREQUENCY: 3, s.RECENCY_DAYS: 4, s.TENURE_DAYS: 9}
    changes: dict[str, dict[str, Any]] = {
        "right": {},
        "other segment": {s.SEGMENT_ID: 2},
        "other name": {s.SEGMENT_NAME: "small"},
        "nearer": {s.DISTANCE_TO_CENTRE: 0.5},
        "further apart": {s.MARGIN: 13.5},
        "other score": {s.MONETARY_SCORE: 4},
        "other reason": {s.REASON: ""},
    }
    names = s.CUSTOMER_FEATURES.names
    rows = [tuple({**features, s.CUSTOMER_ID: customer}.get(name) for name in names) for customer in changes]
    schema = s.CUSTOMER_FEATURES.simpleString().removeprefix("struct<").removesuffix(">")
    scored = model.score(spark.createDataFrame(rows, schema), config.basis, config.rfm.rules, config.charts.currency)
    known = [row.asDict() for row in scored.collect()]
    assert {(row[s.SEGMENT_ID], row[s.DISTANCE_TO_CENTRE], row[s.MARGIN]) for row in known} == {(1, 1.0, 13.0)}
    columns = s.CUSTOMER_SEGMENTS.names
    changed = [tuple({**row, **changes[row[s.CUSTOMER_ID]]}.get(name) for name in columns) for row in known]
    schema = s.CUSTOMER_SEGMENTS.simpleString().removeprefix("struct<").removesuffix(">")
    staged = spark.createDataFrame(changed, schema)
    reassigned = with_reassigned(staged, model, config).where("reassigned").select("customer_id")
    expected = spark.createDataFrame([(customer,) for customer in changes if customer != "right"], "customer_id string")
    assert_df_equality(reassigned, expected, ignore_row_order=True)


def test_a_saved_model_that_names_segments_otherwise_is_refused(model: SegmentModel):
    config = load_config(str(ROOT / "conf/online_retail.yaml"))
    saved = model.pipeline(config.basis)
    assert saved_model(saved, model, config) == replace(model, stages=saved.stages[:-1])
    renamed = model.named([SegmentName("Big", ""), SegmentName("Small", "")])
    with pytest.raises(QualityGateError, match="the saved model gives the segments other ids or names than the run"):
        saved_model(renamed.pipeline(config.basis), model, config)


def test_every_table_but_the_rejected_lines_has_a_key_of_its_own_columns():
    assert set(s.TABLE_KEYS) == set(s.TABLES) - {"rejected_transactions"}
    assert [table for table, key in s.TABLE_KEYS.items() if not set(key) <= set(s.TABLES[table].names)] == []
