"""The generator of transactions with planted segments, as functions on the shared session."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from scripts.transactions import generator
from scripts.transactions.__main__ import main
from scripts.transactions.catalogue import CATALOGUE
from scripts.transactions.lines import FIRST_CUSTOMER_ID
from scripts.transactions.output import COLUMNS, IMPOSSIBLE_DATE, UNREADABLE_PRICE, write_transactions
from scripts.transactions.plan import (
    MOST_ORDERS,
    ONE_CLOUD_SPREAD,
    SEGMENT_PLANS,
    SPEND_STEP,
    LineCounts,
    Segment,
    Variations,
    planted_segments,
)
from scripts.transactions.returns import STORIES
from scripts.transactions.season import DAYS, FIRST_DAY, LAST_DAY

ROWS, CUSTOMERS, SEGMENTS, SEED = 4_000, 120, 4, 7


def generated(spark: SparkSession, seed: int = SEED) -> tuple[DataFrame, LineCounts]:
    recipe = generator.recipe_for(ROWS, CUSTOMERS, SEGMENTS, seed)
    drawn = generator.draw_customers(spark, recipe, ROWS)
    return generator.transactions(spark, recipe, drawn), drawn.counts


@pytest.fixture(scope="module")
def lines(spark: SparkSession) -> DataFrame:
    return generated(spark)[0].cache()


@pytest.fixture(scope="module")
def rows(lines: DataFrame) -> list[str]:
    """The lines on the driver as text, in which NaN equals NaN."""
    return sorted(map(str, lines.collect()))


def good_sales(lines: DataFrame) -> DataFrame:
    """Return the lines of customers that the job's cleaning leaves."""
    return lines.filter(
        F.col("InvoiceNo").rlike("^[0-9]")
        & (F.col("StockCode") != "")
        & (F.col("Quantity") > 0)
        & (F.col("UnitPrice") > 0)
        & ~F.isnan("UnitPrice")
        & F.col("InvoiceDate").isNotNull()
        & F.col("CustomerID").isNotNull()
    ).distinct()


def test_each_kind_of_line_has_the_planned_number(spark: SparkSession, lines: DataFrame, rows: list[str]) -> None:
    counts = generated(spark)[1]
    assert tuple(lines.columns) == COLUMNS
    assert len(rows) == counts.total == ROWS
    kinds = Counter(
        {
            row["kind"]: row["count"]
            for row in lines.groupBy(
                F.when(F.col("InvoiceNo") == "", "blank invoice")
                .when(F.col("InvoiceNo").startswith("C"), "cancellation")
                .when(F.col("InvoiceNo").startswith("A"), "adjustment")
                .when(F.col("StockCode") == "", "blank stock code")
                .when(F.col("InvoiceDate").isNull(), "impossible date")
                .when(F.isnan("UnitPrice"), "unreadable price")
                .when(F.col("Quantity") < 0, "damaged")
                .when(F.col("UnitPrice") == 0, "free")
                .when(F.col("CustomerID").isNull(), "guest")
                .otherwise("customer")
                .alias("kind")
            )
            .count()
            .collect()
        }
    )
    sold_or_copied = counts.customer_sales + counts.duplicates
    assert (kinds.pop("customer"), kinds.pop("guest")) == (sold_or_copied, counts.guest_sales)
    assert kinds.pop("cancellation") == counts.cancellations
    assert len(kinds) == 7
    assert kinds.total() == counts.dirty
    exact_copies = ROWS - len(set(rows))
    assert exact_copies >= 0.9 * counts.duplicates


def test_partitions_do_not_change_the_rows(
    spark: SparkSession, lines: DataFrame, rows: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator, "LINES_PER_FILE", 500)
    divided_more, _ = generated(spark)
    assert divided_more.rdd.getNumPartitions() > lines.rdd.getNumPartitions()
    assert sorted(map(str, divided_more.collect())) == rows


def test_another_seed_gives_other_rows(spark: SparkSession, rows: list[str]) -> None:
    other, _ = generated(spark, seed=8)
    assert len(set(map(str, other.collect())) & set(rows)) < ROWS / 100


def test_each_customers_lines_have_the_planted_values(spark: SparkSession, lines: DataFrame) -> None:
    recipe = generator.recipe_for(ROWS, CUSTOMERS, SEGMENTS, SEED)
    bought = (
        good_sales(lines)
        .groupBy((F.col("CustomerID") - FIRST_CUSTOMER_ID).alias("customer"))
        .agg(
            F.countDistinct("InvoiceNo").alias("orders"),
            F.date_diff(F.max("InvoiceDate").cast("date"), F.lit(FIRST_DAY)).alias("last"),
            F.sum(F.col("Quantity") * F.col("UnitPrice")).alias("spent"),
        )
    )
    both = generator.planted_customers(spark, recipe, 1).join(bought, "customer", "left").collect()
    assert len(both) == CUSTOMERS
    assert all((row["orders"], row["last"]) == (row["order_count"], row["last_day"]) for row in both)
    # Whole quantities at list prices add a little noise, small against the distance between the segments.
    assert all(abs(math.log(row["spent"] / row["spend"])) < 0.35 for row in both)
    assert max(row["last"] for row in both) == DAYS - 1, "recency counts from the day after the last day"


def test_an_invoice_has_one_customer_and_one_time(lines: DataFrame) -> None:
    invoices = good_sales(lines).groupBy("InvoiceNo").agg(F.countDistinct("CustomerID", "InvoiceDate").alias("kinds"))
    assert invoices.filter("kinds > 1").isEmpty()
    guests = lines.filter("CustomerID IS NULL AND InvoiceNo != ''").select("InvoiceNo").distinct()
    assert guests.join(invoices, "InvoiceNo", "left_semi").isEmpty()


def test_the_planted_segments_name_every_customer_once(spark: SparkSession, lines: DataFrame) -> None:
    recipe = generator.recipe_for(ROWS, CUSTOMERS, SEGMENTS, SEED)
    truth = generator.segments_truth(spark, recipe)
    assert truth.dtypes == [("customer_id", "string"), ("segment", "int"), ("segment_label", "string")]
    bought = lines.filter("CustomerID IS NOT NULL").select(F.col("CustomerID").cast("string")).distinct()
    assert sorted(truth.select("customer_id").collect()) == sorted(bought.collect())
    labels = {(row["segment"], row["segment_label"]) for row in truth.collect()}
    assert labels == set(enumerate(segment.label for segment in SEGMENT_PLANS[SEGMENTS]))


def test_csv_and_parquet_hold_the_same_lines(
    spark: SparkSession, lines: DataFrame, rows: list[str], tmp_path: Path
) -> None:
    write_transactions(lines, "parquet", str(tmp_path / "parquet"))
    write_transactions(lines, "csv", str(tmp_path / "csv"))
    text = spark.read.csv(
        str(tmp_path / "csv"), schema=", ".join(f"{name} STRING" for name in COLUMNS), header=True, enforceSchema=False,
        nullValue="", emptyValue="", escape='"', ignoreTrailingWhiteSpace=False,
    )  # fmt: skip
    parsed = text.select(
        F.coalesce("InvoiceNo", F.lit("")).alias("InvoiceNo"),
        F.coalesce("StockCode", F.lit("")).alias("StockCode"),
        "Description",
        F.col("Quantity").cast("int"),
        F.when(F.col("InvoiceDate") != IMPOSSIBLE_DATE, F.to_timestamp("InvoiceDate", "M/d/yyyy H:mm"))
        .cast("timestamp_ntz")
        .alias("InvoiceDate"),
        F.when(F.col("UnitPrice") == UNREADABLE_PRICE, float("nan"))
        .otherwise(F.col("UnitPrice").try_cast("double"))
        .alias("UnitPrice"),
        F.col("CustomerID").cast("long"),
        "Country",
    )
    parquet = spark.read.parquet(str(tmp_path / "parquet"))
    assert parsed.dtypes == parquet.dtypes
    assert sorted(map(str, parsed.collect())) == sorted(map(str, parquet.collect())) == rows


def values_of(spark: SparkSession, customers: int, segments: int, **variations: float) -> dict[str, np.ndarray]:
    """Return the planted values of each customer by column."""
    recipe = generator.recipe_for(20 * customers, customers, segments, SEED, Variations(**variations))
    return {
        name: column.to_numpy() for name, column in generator.planted_customers(spark, recipe, 1).toPandas().items()
    }


def test_unequal_sizes_grow_from_the_smallest_share(spark: SparkSession) -> None:
    segments = values_of(spark, 2_000, 6, smallest=0.01)["segment"]
    sizes = np.sort(np.bincount(segments))
    assert len(sizes) == 6
    assert abs(sizes[0] - 20) <= 2
    growth = sizes[1:] / sizes[:-1]
    assert growth.min() > 0.85 * growth.max() > 1


def test_a_spread_makes_values_lognormal_about_the_middles(spark: SparkSession) -> None:
    values = values_of(spark, 2_000, 2, spread=0.3)
    champions = values["segment"] == 0
    ordinary = np.sort(np.log1p(values["spend"][champions] / 0.25))  # the scale of ten lines a customer and fewer
    quantiles = np.quantile(ordinary, [0.16, 0.5, 0.84])
    assert quantiles[1] == pytest.approx(math.log1p(SEGMENT_PLANS[2][0].spend.middle), abs=0.1)
    assert (quantiles[1] - quantiles[0]) == pytest.approx(0.3 * SPEND_STEP, rel=0.15)
    assert (quantiles[2] - quantiles[1]) == pytest.approx(0.3 * SPEND_STEP, rel=0.25)
    assert values["order_count"].min() >= 1
    assert values["order_count"].max() <= MOST_ORDERS
    assert values["last_day"].min() >= 0


def test_one_segment_is_a_cloud_of_everyone(spark: SparkSession) -> None:
    values = values_of(spark, 2_000, 1)
    assert set(values["segment"]) == {0}
    assert np.std(np.log1p(values["spend"] / 0.25)) == pytest.approx(ONE_CLOUD_SPREAD * SPEND_STEP, rel=0.1)
    assert 0.02 < np.mean(values["order_count"] == 1) < 0.15
    assert np.mean(values["last_day"] == 0) < 0.02


def test_a_heavy_tail_multiplies_the_spend_of_some(spark: SparkSession) -> None:
    plain, tailed = (values_of(spark, 2_000, 4, **given)["spend"] for given in ({}, {"heavy_tail": 0.05}))
    factors = tailed / plain
    assert 0.03 < np.mean(factors > 1) < 0.07
    assert factors.min() == 1
    assert 10 < factors.max() <= 100


def test_customers_at_risk_bought_every_month_and_stopped(spark: SparkSession) -> None:
    recipe = generator.recipe_for(12_000, 400, 2, SEED, Variations(at_risk=0.25))
    lines = generator.transactions(spark, recipe, generator.draw_customers(spark, recipe, 12_000)).cache()
    orders = (
        good_sales(lines)
        .groupBy("CustomerID", "InvoiceNo")
        .agg(F.date_diff(F.max("InvoiceDate").cast("date"), F.lit(FIRST_DAY)).alias("day"))
        .groupBy(F.col("CustomerID").cast("string").alias("customer_id"))
        .agg(F.sort_array(F.collect_list("day")).alias("days"))
    )
    rows = generator.segments_truth(spark, recipe).join(orders, "customer_id").collect()
    days = {label: [row["days"] for row in rows if row["segment_label"] == label] for label in ("stopped", "champions")}
    assert len(days["stopped"]) == pytest.approx(100, abs=3)
    assert min(map(len, days["stopped"])) >= 5
    assert max(each[-1] for each in days["stopped"]) <= DAYS - 120
    for label, of_label in days.items():
        gaps = [gap for each in of_label for gap in np.diff(each)]
        assert np.median(gaps) == pytest.approx(30, abs=2), label


def catalogue_divides(pence: int) -> bool:
    return any(pence % product.pence == 0 for product in CATALOGUE)


def test_no_other_line_of_a_customer_can_be_matched_with_a_planted_return() -> None:
    for story in STORIES:
        prices = {line.pence for line in story.lines}
        amounts = {-line.pence * line.quantity for line in story.lines if line.quantity < 0}
        assert not any(catalogue_divides(amount) for amount in amounts), story.kind
        assert prices.isdisjoint({product.pence for product in CATALOGUE}), story.kind
    assert {"79001", "79002"}.isdisjoint({product.stock_code for product in CATALOGUE})


@pytest.mark.slow
def test_planted_returns_take_back_what_the_truth_says(spark: SparkSession) -> None:
    recipe = generator.recipe_for(ROWS, CUSTOMERS, 3, SEED, Variations(returns=0.5))
    drawn = generator.draw_customers(spark, recipe, ROWS)
    lines = generator.transactions(spark, recipe, drawn).cache()
    truth = {row["customer_id"]: row for row in generator.returns_truth(spark, recipe, drawn).collect()}
    assert lines.count() == ROWS
    assert drawn.counts.cancellations == 0
    assert {row["kind"] for row in truth.values()} == {story.kind for story in STORIES}
    returned = lines.filter("InvoiceNo LIKE 'C%'").distinct().toPandas()
    assert set(returned["CustomerID"].astype(int).astype(str)) == set(truth)
    sold = good_sales(lines.withColumn("Description", F.trim("Description"))).toPandas()
    for frame in (sold, returned):
        frame["pence"] = frame["Quantity"] * (frame["UnitPrice"] * 100).round().astype(int)
    for customer_id, row in truth.items():
        bought, back = (frame[frame["CustomerID"] == int(customer_id)] for frame in (sold, returned))
        assert bought["pence"].sum() == row["total_spend"] * 100
        assert bought["InvoiceNo"].nunique() == row["purchase_frequency"]
        assert -back["pence"].sum() == 100 * (row["returned_matched"] + row["returned_unmatched"])
        assert row["net_spend"] == row["total_spend"] - row["returned_matched"]
        assert (row["net_orders"] == 0) == (row["net_spend"] == 0) == (row["kind"] == "everything")


def test_every_plan_has_all_customers_and_lives_in_the_calendar() -> None:
    for segments in SEGMENT_PLANS:
        for variations in (Variations(), Variations(smallest=0.02) if segments > 1 else Variations(at_risk=0.3)):
            plan = planted_segments(segments, 5_000, variations)
            assert math.isclose(sum(segment.share for segment in plan), 1)
            assert len({segment.label for segment in plan}) == len(plan)


@pytest.mark.parametrize("plan", SEGMENT_PLANS.values(), ids=lambda plan: f"{len(plan)} segments")
def test_planned_orders_and_recency_fit_invoices_and_calendar(plan: tuple[Segment, ...]) -> None:
    assert all((segment.orders.high + 1) * segment.heavy_orders <= MOST_ORDERS for segment in plan)
    assert all(segment.recency_days.high < (LAST_DAY - FIRST_DAY).days for segment in plan)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--segments": "9"}, "--segments 9: must be 1 to 8"),
        ({"--rows": "1199"}, "--rows 1,199 is too few for --customers 120: must be at least 1,200"),
        ({"--rows": "2400001"}, "--rows 2,400,001 is too many for --customers 120: must be at most 2,400,000"),
        ({"--customers": "119"}, "--customers 119: must be at least 120 for 4 segments"),
        ({"--rows": "-5"}, "argument --rows: must be a number from 1, got '-5'"),
        ({"--smallest": "0.3"}, "--smallest 0.3: must be 0.01 to 0.25, an equal share of --segments 4"),
        ({"--smallest": "0.01"}, "--customers 120: must be at least 1,500: the smallest segment has 1.0% of them"),
        ({"--spread": "0"}, "argument --spread: must be a number above 0, at most 1, got '0'"),
        ({"--at-risk": "0.95"}, "--at-risk 0.95: must be at most 0.9"),
    ],
)
def test_bad_arguments_end_with_one_message(
    changed: dict[str, str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = {
        "--rows": str(ROWS), "--customers": str(CUSTOMERS), "--segments": str(SEGMENTS), "--seed": "7",
        "--format": "csv", "--output": str(tmp_path),
    } | changed  # fmt: skip
    with pytest.raises(SystemExit) as exit_:
        main([f"{name}={value}" for name, value in arguments.items()])
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_a_used_output_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "transactions").mkdir()
    with pytest.raises(SystemExit) as exit_:
        main(f"--rows {ROWS} --customers {CUSTOMERS} --segments 4 --seed 7 --format csv --output {tmp_path}".split())
    assert exit_.value.code == 2
    assert f"--output {tmp_path}: is a file or has transactions already" in capsys.readouterr().err
