"""Which run a new one is held against."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from segmentation import schemas as s
from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.errors import QualityGateError
from segmentation.lake.audit import require_gates
from segmentation.lake.runs import Lake
from segmentation.lake.staging import small_table, stage

CONFIG = Path(__file__).resolve().parents[3] / "conf" / "online_retail.yaml"
AS_OF = date(2011, 12, 10)
SEGMENT: dict[str, Any] = {"segment_name": "All", "customer_share": 1.0}


@pytest.fixture
def config() -> RunConfig:
    return load_config(str(CONFIG), ["title=shop", "quality_gates.max_rows_change=0.1"])


def reconciliation(lines: int) -> dict[str, Any]:
    money = {"clean": "100.0000", "guest": "0.0000"}
    return {"lines": {"read": lines, "rejected": 0}, "revenue": money, "customers": 5}


def published(spark: SparkSession, lake: Path, run_id: str, as_of: str, lines: int, **other: object) -> None:
    """A run of nothing but what is compared: its manifest and one segment."""
    run = lake / "runs" / f"run_id={run_id}"
    zeros = {"int": 0, "bigint": 0, "double": 0.0, "string": "", "decimal(20,4)": Decimal(0)}
    row = {field.name: zeros.get(field.dataType.simpleString(), {"x": 0.0}) for field in s.SEGMENT_PROFILES}
    small_table(spark, "segment_profiles", [row | SEGMENT]).write.parquet(str(run / "segment_profiles"))
    files = [f"segment_profiles/{path.name}" for path in (run / "segment_profiles").glob("part-*")]
    content = {
        "format": 2,
        "title": "shop",
        "as_of": as_of,
        "published_at": f"{as_of}T12:00:00+00:00",
        "reconciliation": reconciliation(lines),
        "tables": {"segment_profiles": {"files": files}},
    }
    (run / "manifest.json").write_text(json.dumps(content | other))


def compare(spark: SparkSession, folder: Path, config: RunConfig, lines: int) -> None:
    staged = stage(Lake(spark, str(folder)), "today")
    try:
        require_gates(config, staged, reconciliation(lines), [SEGMENT], AS_OF)
    finally:
        staged.discard()


def test_a_run_is_held_against_the_newest_of_its_title_until_its_day(
    spark: SparkSession, config: RunConfig, tmp_path: Path
):
    published(spark, tmp_path, "older", "2011-12-01", 500)
    published(spark, tmp_path, "yesterday", "2011-12-09", 1000)
    published(spark, tmp_path, "another-title", "2011-12-10", 10, title="another shop")
    published(spark, tmp_path, "tomorrow", "2011-12-11", 10)
    compare(spark, tmp_path, config, 1100)
    with pytest.raises(QualityGateError, match=r"lines changed by \+20.00%, from 1,000 in run yesterday to 1,200"):
        compare(spark, tmp_path, config, 1200)


def test_a_run_of_a_newer_version_is_passed_over_with_a_warning(
    spark: SparkSession, config: RunConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    published(spark, tmp_path, "older", "2011-12-01", 1000)
    published(spark, tmp_path, "newer", "2011-12-09", 10, format=99)
    compare(spark, tmp_path, config, 1000)
    assert "run 'newer' was published by a newer version" in caplog.text


def test_a_run_that_tells_no_figures_is_told_of(spark: SparkSession, config: RunConfig, tmp_path: Path):
    published(spark, tmp_path, "yesterday", "2011-12-09", 1000, tables={})
    with pytest.raises(QualityGateError, match=r"run yesterday, to compare with, cannot be read: .* names no files of"):
        compare(spark, tmp_path, config, 1000)


def test_the_first_run_has_nothing_to_be_held_against(spark: SparkSession, config: RunConfig, tmp_path: Path):
    compare(spark, tmp_path, config, 1)
