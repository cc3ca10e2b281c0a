"""The generator of transactions with planted segments, as functions on the shared session."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from scripts.transactions import generator
from scripts.transactions.__main__ import main
from scripts.transactions.lines import FIRST_CUSTOMER_ID
from scripts.transactions.output import COLUMNS, IMPOSSIBLE_DATE, UNREADABLE_PRICE, write_transactions
from scripts.transactions.plan import INVOICES_PER_CUSTOMER, SEGMENT_PLANS, Band, LineCounts, Segment
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


def centre(band: Band) -> float:
    """Return the middle of a band on the log1p scale, on which segments are clustered."""
    return math.log1p(math.sqrt(band.low * band.high))


@pytest.mark.parametrize("plan", SEGMENT_PLANS.values(), ids=lambda plan: f"{len(plan)} segments")
def test_no_two_planted_segments_are_cheap_to_merge(plan: tuple[Segment, ...]) -> None:
    shares = [segment.share for segment in plan]
    assert math.isclose(sum(shares), 1)
    features = [[centre(band) for band in (s.recency_days, s.orders, s.spend)] for s in plan]
    scaled = []
    for values in zip(*features, strict=True):
        mean = sum(share * value for share, value in zip(shares, values, strict=True))
        variance = sum(share * (value - mean) ** 2 for share, value in zip(shares, values, strict=True))
        scaled.append([(value - mean) / math.sqrt(variance) for value in values])
    centres = list(zip(*scaled, strict=True))
    # Ward's cost, as a share of the total sum of squares, which is 1 for each scaled feature.
    cheapest = min(
        shares[i] * shares[j] / (shares[i] + shares[j]) * math.dist(centres[i], centres[j]) ** 2 / len(scaled)
        for i, j in combinations(range(len(plan)), 2)
    )
    assert cheapest > 1.15 / 9


@pytest.mark.parametrize("plan", SEGMENT_PLANS.values(), ids=lambda plan: f"{len(plan)} segments")
def test_planned_orders_and_recency_fit_invoices_and_calendar(plan: tuple[Segment, ...]) -> None:
    assert all((segment.orders.high + 1) * segment.heavy_orders < INVOICES_PER_CUSTOMER for segment in plan)
    assert all(segment.recency_days.high < (LAST_DAY - FIRST_DAY).days for segment in plan)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--segments": "8"}, "--segments 8: must be 2 to 7"),
        ({"--rows": "1199"}, "--rows 1,199 is too few for --customers 120: must be at least 1,200"),
        ({"--rows": "2400001"}, "--rows 2,400,001 is too many for --customers 120: must be at most 2,400,000"),
        ({"--customers": "119"}, "--customers 119: must be at least 120 for 4 segments"),
        ({"--rows": "-5"}, "argument --rows: must be a number from 1, got '-5'"),
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
