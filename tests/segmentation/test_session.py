"""The session's settings, its shuffle partitions, and a cluster that refuses the job."""

from typing import Any, cast

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from segmentation import session
from segmentation.errors import SegmentationError
from segmentation.ingest.sizes import estimated_csv_bytes
from segmentation.session import (
    BYTES_SORTED_AT_ONCE,
    LEAST_PARTITIONS,
    PARTITIONS,
    SETTINGS,
    partitions_for,
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


def test_partitions_grow_with_the_size_of_the_text():
    assert partitions_for(0) == partitions_for(LEAST_PARTITIONS * BYTES_SORTED_AT_ONCE) == LEAST_PARTITIONS
    assert partitions_for(1000 * BYTES_SORTED_AT_ONCE + 1) == 1001


def test_compressed_files_count_as_the_text_they_hold():
    sizes = [estimated_csv_bytes(name, 100) for name in ("a.csv", "/days/a.xlsx", "s3a://bucket/a.csv.gz", "a.parquet")]
    assert sizes[0] == 100
    assert sizes == sorted(set(sizes))


def test_partitions_given_to_spark_submit_stay(spark: SparkSession):
    given = spark.conf.get(PARTITIONS)  # tests/conftest.py gives it as spark-submit would
    set_shuffle_partitions(spark, 1000 * BYTES_SORTED_AT_ONCE)
    assert spark.conf.get(PARTITIONS) == given


class Conf:
    """The settings of a Spark that was submitted without options."""

    def __init__(self) -> None:
        self.set_later: dict[str, str] = {}
        self.sparkContext = self.conf = self

    def getConf(self) -> "Conf":  # noqa: N802 - Spark's name
        return self

    def getAll(self) -> list[tuple[str, str]]:  # noqa: N802 - Spark's name
        return [("spark.master", "local[2]")]

    def set(self, key: str, value: str) -> None:
        self.set_later[key] = value


def test_partitions_follow_the_input_by_default():
    conf = Conf()
    set_shuffle_partitions(cast("SparkSession", conf), 9 * BYTES_SORTED_AT_ONCE)
    assert conf.set_later == {PARTITIONS: "9"}


class JavaError:
    """What py4j knows of an exception in Java, as far as it is asked."""

    _target_id = "o1"

    def __init__(self, message: str) -> None:
        self._message = message
        self._gateway_client = self

    def getMessage(self) -> str:  # noqa: N802 - Java's name
        return self._message


class Builder:
    """A session's builder on a cluster that answers with an error."""

    def __init__(self, message: str) -> None:
        self._message = message

    def appName(self, _: str) -> "Builder":  # noqa: N802 - Spark's name
        return self

    def config(self, *_: Any) -> "Builder":
        return self

    def getOrCreate(self) -> SparkSession:  # noqa: N802 - Spark's name
        raise Py4JJavaError("while starting", JavaError(self._message))


def refusing(message: str) -> type:
    return type("Refusing", (), {"builder": Builder(message)})


def test_a_cluster_that_refuses_the_job_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "SparkSession", refusing("Cannot call methods on a stopped SparkContext.\nat …"))
    with pytest.raises(
        SegmentationError, match=r"did not accept the job.*its master runs.*spark\.authenticate\.secret"
    ):
        spark_session("tests")


def test_any_other_failure_of_spark_stays_what_it_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "SparkSession", refusing("no space left on device"))
    with pytest.raises(Py4JJavaError):
        spark_session("tests")
