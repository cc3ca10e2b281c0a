"""The session's settings, its shuffle partitions, a cluster that refuses the job, and percentiles on every Spark."""

from unittest.mock import MagicMock

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation import session
from segmentation.errors import ConfigError, SegmentationError
from segmentation.ingest.sizes import estimated_csv_bytes
from segmentation.java_locale import is_unusual, require_usual_locales
from segmentation.session import (
    BYTES_SORTED_AT_ONCE,
    LEAST_PARTITIONS,
    PARTITIONS,
    SETTINGS,
    guest_of,
    partitions_for,
    percentiles,
    persisted,
    release,
    set_shuffle_partitions,
    spark_session,
)


def test_settings_that_results_depend_on_override_others(spark: SparkSession):
    before = {key: spark.conf.get(key) for key in ("spark.sql.session.timeZone", "spark.sql.ansi.enabled")}
    try:
        spark.conf.set("spark.sql.session.timeZone", "Asia/Kathmandu")
        spark.conf.set("spark.sql.ansi.enabled", "false")
        found = spark_session("tests")
        assert {key: found.conf.get(key) for key in SETTINGS} == SETTINGS
    finally:
        for key, value in before.items():
            spark.conf.set(key, value)


def test_a_guest_is_not_led_astray_by_the_settings_of_others_and_leaves_them(spark: SparkSession):
    others = {
        "spark.sql.files.ignoreCorruptFiles": "true",
        "spark.sql.legacy.respectNullabilityInTextDatasetConversion": "true",
        "spark.sql.sources.useV1SourceList": "",
        "spark.sql.retainGroupColumns": "false",
    }
    defaults = ("false", "false", "avro,csv,json,kafka,orc,parquet,text", "true")
    before = {key: spark.conf.get(key, None) for key in others}
    locale = spark._jvm.java.util.Locale
    english = locale.getDefault()
    try:
        for key, value in others.items():
            spark.conf.set(key, value)
        locale.setDefault(locale.forLanguageTag("fa"))
        with guest_of(spark):
            assert {key: spark.conf.get(key) for key in SETTINGS} == SETTINGS
            assert tuple(spark.conf.get(key) for key in others) == defaults
            assert locale.getDefault().toString() == "en_US"
        assert {key: spark.conf.get(key) for key in others} == others
        assert locale.getDefault().toString() == "fa"
    finally:
        locale.setDefault(english)
        for key, value in before.items():
            spark.conf.unset(key) if value is None else spark.conf.set(key, value)


def test_a_setting_that_leaves_out_files_and_cannot_be_changed_is_refused(spark: SparkSession):
    conf, key = spark._jsc.hadoopConfiguration(), "mapreduce.input.pathFilter.class"
    conf.set(key, "org.example.OnlyMay")
    try:
        with pytest.raises(ConfigError, match=f"{key} is org.example.OnlyMay, which leaves out files"), guest_of(spark):
            pass
    finally:
        conf.unset(key)


def test_executors_that_write_other_digits_or_letters_are_refused(spark: SparkSession):
    unusual = ["ar_EG", "fa", "fa_IR", "mr_IN", "tr_TR", "th_TH_TH_#u-nu-thai", "en_US_#u-nu-arab"]
    usual = ["en_US", "", "de", "pt_BR", "ja_JP_JP_#u-ca-japanese", "zh_TW_#Hant"]
    assert [name for name in [*unusual, *usual] if is_unusual(spark, name)] == unusual
    locale = spark._jvm.java.util.Locale
    english = locale.getDefault()
    try:
        require_usual_locales(spark)
        locale.setDefault(locale.forLanguageTag("mr"))
        with pytest.raises(ConfigError, match=r"executors has the locale mr, .* spark\.executor\.extraJavaOptions"):
            require_usual_locales(spark)
    finally:
        locale.setDefault(english)


def test_partitions_grow_with_the_size_of_the_text():
    assert partitions_for(0) == partitions_for(LEAST_PARTITIONS * BYTES_SORTED_AT_ONCE) == LEAST_PARTITIONS
    assert partitions_for(1000 * BYTES_SORTED_AT_ONCE + 1) == 1001


def test_compressed_files_count_as_the_text_they_hold():
    names = ("a.csv", "/days/a.xlsx", "s3a://bucket/a.csv.gz", "a.parquet")
    sizes = [estimated_csv_bytes(name, 1_000_000) for name in names]
    assert sizes[0] == 1_000_000
    assert sizes == sorted(set(sizes))


def test_thousands_of_small_parquet_files_count_as_the_few_lines_they_hold():
    of_54_lines, footer_alone = estimated_csv_bytes("a.parquet", 4_328), estimated_csv_bytes("a.parquet", 1_800)
    assert (of_54_lines, footer_alone) == (5_312, 0)


def test_partitions_given_to_spark_submit_stay(spark: SparkSession):
    given = spark.conf.get(PARTITIONS)  # tests/conftest.py gives it as spark-submit would
    set_shuffle_partitions(spark, 1000 * BYTES_SORTED_AT_ONCE)
    assert spark.conf.get(PARTITIONS) == given


def test_partitions_follow_the_input_by_default():
    submitted = MagicMock()
    submitted.sparkContext.getConf().getAll.return_value = [("spark.master", "local[2]")]
    set_shuffle_partitions(submitted, 9 * BYTES_SORTED_AT_ONCE)
    submitted.conf.set.assert_called_once_with(PARTITIONS, "9")


class JavaError:
    """What py4j knows of an exception in Java, as far as it is asked."""

    _target_id = "o1"

    def __init__(self, message: str) -> None:
        self._message = message
        self._gateway_client = self

    def getMessage(self) -> str:  # noqa: N802 - Java's name
        return self._message


@pytest.mark.parametrize(
    ("message", "error", "remedy"),
    [
        (
            "Cannot call methods on a stopped SparkContext.\nat …",
            SegmentationError,
            r"did not accept the job.*its master runs.*spark\.authenticate\.secret",
        ),
        ("no space left on device", Py4JJavaError, None),
        (
            "javax.security.auth.login.LoginException: … invalid null input: name",
            SegmentationError,
            r"the user id \d+ has no name here, .* add the line user:x:\d+:0::/tmp:/bin/sh to its /etc/passwd",
        ),
    ],
)
def test_a_cluster_that_refuses_the_job_is_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, message: str, error: type[Exception], remedy: str | None
):
    refusing = MagicMock()
    builder = refusing.builder.appName.return_value
    builder.config.return_value = builder
    builder.getOrCreate.side_effect = Py4JJavaError("while starting", JavaError(message))
    monkeypatch.setattr(session, "SparkSession", refusing)
    with pytest.raises(error, match=remedy):
        spark_session("tests")


@pytest.mark.parametrize("version", ["4.0.5", "4.2.1", session.spark_version])
def test_every_spark_interpolates_percentiles_alike(version: str, spark: SparkSession, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "spark_version", version)
    # Between 131.58 and 1759.18 Spark 4.0 to 4.2 has its median at 945.38.
    values = {"several": [1759.18, None, 7.1, 2000.3, 131.58], "one": [0.1], "none": [None]}
    rows = [(name, value) for name, row in values.items() for value in row]
    named = spark.createDataFrame(rows, "name string, value double").groupBy("name")
    found = named.agg(percentiles(F.col("value"), [0.0, 0.2, 0.5, 1.0]))
    assert {row["name"]: row[1] for row in found.collect()} == {
        "several": [7.1, 81.78800000000001, 945.3800000000001, 2000.3],
        "one": [0.1] * 4,
        "none": None,
    }


def test_a_query_on_persisted_rows_is_not_described_with_the_plan_that_made_them(spark: SparkSession):
    kept, rows = persisted(spark.range(9).groupBy(F.col("id") % 2).count().orderBy("count"))
    try:
        plan = rows._jdf.queryExecution().executedPlan()
        described = spark._jvm.org.apache.spark.sql.execution.SparkPlanInfo.fromSparkPlan(plan)
        names = []
        while True:
            names.append(described.nodeName())
            if described.children().isEmpty():
                break
            described = described.children().head()
        assert names[-1] == "Scan ExistingRDD"
        assert {row["count"] for row in rows.collect()} == {4, 5}
    finally:
        release(kept)
