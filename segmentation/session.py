"""The Spark session: what the results depend on is set here, the rest is the cluster's and the command line's."""

import signal
import warnings
from contextlib import suppress
from threading import Thread
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from segmentation.errors import SegmentationError, java_message

SECONDS_TO_CANCEL = 5
PARTITIONS = "spark.sql.shuffle.partitions"
# What is sorted at once then takes some 100 MB of memory: it fits with two cores that share 2 GB.
BYTES_SORTED_AT_ONCE = 32_000_000
LEAST_PARTITIONS = 8
SETTINGS = {
    # A wall-clock time stays what it is on any machine: dates are parsed and shown in one zone.
    "spark.sql.session.timeZone": "UTC",
    # Overflow and bad casts fail loudly where the code does not ask for try_cast.
    "spark.sql.ansi.enabled": "true",
    # `CustomerID` and `customerid` are two columns, in Parquet as in a CSV header.
    "spark.sql.caseSensitive": "true",
    # Dates before 1900 and impossible ones are rejected lines, never a stack trace or a silent other reading.
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    # Readers outside Spark (DuckDB, Polars, pandas, Trino) know this form of timestamps.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # pandas writes times in nanoseconds, which Spark has no type for; the reader turns the numbers into times.
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    # Lines are kept while a run lasts: to look for the best way to compress them costs more than their memory.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
    # Workbooks are handed over as Arrow.
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}


def spark_session(name: str) -> SparkSession:
    """The session of this job, on the master that spark-submit names.

    Raises SegmentationError where the cluster did not take the job.
    """
    # PySpark says this on import wherever pandas is installed; the job does not use pandas.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    builder = SparkSession.builder.appName(name)
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        return builder.getOrCreate()
    except Py4JJavaError as error:
        if "stopped SparkContext" not in java_message(error):
            raise
        raise SegmentationError(
            "the cluster did not take the job (why is in Spark's lines above): see that its master runs, and that "
            "spark.authenticate.secret is the cluster's own, as conf/spark-cluster.conf tells"
        ) from error
    finally:
        # PySpark's own way with Ctrl-C calls Java from within a call to Java, and says so in a stack trace.
        signal.signal(signal.SIGINT, on_interrupt)


def spread(spark: SparkSession, text_bytes: int) -> None:
    """Sets into how many parts lines are shuffled, unless spark-submit was told."""
    if PARTITIONS not in dict(spark.sparkContext.getConf().getAll()):
        spark.conf.set(PARTITIONS, str(partitions_for(text_bytes)))


def cancel_jobs(spark: SparkSession) -> None:
    """Ends what Spark is doing, from a thread of its own: this one's connection to Java may be in the middle of a call.

    Java that has ended, or does not answer, is not waited for.
    """

    def cancel() -> None:
        with suppress(Exception):
            spark.sparkContext.cancelAllJobs()

    canceller = Thread(target=cancel, daemon=True)
    canceller.start()
    canceller.join(SECONDS_TO_CANCEL)


def local_directory(spark: SparkSession) -> str:
    """Where the driver's Spark keeps what does not fit into memory."""
    jvm: Any = spark._jvm
    context: Any = spark._jsc
    return str(jvm.org.apache.spark.util.Utils.getLocalDir(context.sc().conf()))


def partitions_for(text_bytes: int) -> int:
    """Into how many parts lines of so much text are shuffled: by their number alone, whatever the cores.

    At 2 cores and at 200: one part takes a core a second or so, so that 200 share a gigabyte well, and 2 are not kept
    busy by thousands of parts with nothing in them.

    >>> partitions_for(45_000_000), partitions_for(20_000_000_000)
    (8, 625)
    """
    return max(LEAST_PARTITIONS, -(-text_bytes // BYTES_SORTED_AT_ONCE))
