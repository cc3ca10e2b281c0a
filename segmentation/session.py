"""The Spark session: settings that results depend on are set here; all others are the user's and the cluster's.

What differs between the versions of Spark is here as well.
"""

import os
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Thread
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from py4j.java_gateway import java_import
from py4j.protocol import Py4JJavaError
from pyspark import SparkContext
from pyspark import __version__ as spark_version
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.errors import ConfigError, SegmentationError, java_message, nameless_user
from segmentation.java_locale import put_back, require_usual_locales, use_english
from segmentation.spark_settings import DEFAULTED_KEY, LEAVES_OUT_FILES, SETTINGS, STATIC_SETTINGS

SECONDS_TO_CANCEL = 5
PARTITIONS = "spark.sql.shuffle.partitions"
# A partition of this size sorts in about 100 MB of memory, which two cores sharing 2 GB can spare.
BYTES_SORTED_AT_ONCE = 32_000_000
LEAST_PARTITIONS = 8
MOST_BROADCAST = 10_000_000
# What Hadoop says of a user id without a name, as of a container that runs under a random id.
NO_USER_NAME = "invalid null input: name"

# PySpark names these for nearly every expression. Without their packages, Java would look through all jars each time.
NAMED_OFTEN = ("org.apache.spark.api.python.PythonUtils", "org.apache.spark.sql.functions")


def spark_session(name: str, more: Mapping[str, str] = MappingProxyType({})) -> SparkSession:
    """Return the session of this job, with `more` settings, on the master that spark-submit names.

    Raises: SegmentationError if the cluster did not accept the application.
    """
    # PySpark warns wherever pandas is installed; the job does not use pandas.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    builder = SparkSession.builder.appName(name)
    for key, value in {**SETTINGS, **STATIC_SETTINGS, **more}.items():
        builder = builder.config(key, value)
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        spark = builder.getOrCreate()
        for java_class in NAMED_OFTEN:
            java_import(spark._jvm, java_class)
        return spark
    except Py4JJavaError as error:
        if NO_USER_NAME in java_message(error):
            raise SegmentationError(nameless_user(os.getuid())) from error
        if "stopped SparkContext" not in java_message(error):
            raise
        raise SegmentationError(
            "the cluster did not accept the job (Spark's lines above say why): check that its master runs, and that "
            "spark.authenticate.secret is the cluster's, as described in conf/spark-cluster.conf"
        ) from error
    finally:
        # PySpark's own handler of Ctrl-C calls Java from within a call to Java, which ends in a stack trace.
        signal.signal(signal.SIGINT, on_interrupt)


@contextmanager
def guest_of(spark: SparkSession) -> Iterator[str]:
    """Give the session the job's settings and tag the jobs of this thread; undo both at the end.

    Yields the tag, by which `cancel_tagged_jobs` finds these jobs and no others. The threads of a `SparkThreadPool`
    inherit it.

    Raises: ConfigError where the session has a setting that leaves out files, or executors have another locale.
    """
    _require_all_files(spark)
    others = sorted(set(DEFAULTED_KEY.findall(_settings_as_text(spark))) - SETTINGS.keys())
    before = {key: spark.conf.get(key, None) for key in (*SETTINGS, *others, PARTITIONS)}
    locale = use_english(spark)
    tag = f"segmentation-{uuid4().hex}"
    try:
        for key, value in SETTINGS.items():
            spark.conf.set(key, value)
        for key in others:
            with suppress(Exception):  # fixed when Spark starts, and of no effect here
                spark.conf.unset(key)
        if not is_one_process(spark):
            require_usual_locales(spark)
        spark.sparkContext.addJobTag(tag)
        yield tag
    finally:
        for key, value_before in before.items():
            with suppress(Exception):  # Java may have ended; the error that ended the run says more
                if value_before is None:
                    spark.conf.unset(key)
                else:
                    spark.conf.set(key, value_before)
        with suppress(Exception):
            put_back(spark, locale)
        with suppress(Exception):
            spark.sparkContext.removeJobTag(tag)


def _require_all_files(spark: SparkSession) -> None:
    """Raise ConfigError for a setting by which Spark leaves out files, and which cannot be changed while it runs."""
    context: Any = spark._jsc
    for key in LEAVES_OUT_FILES:
        value = spark.conf.get(key, None) or context.hadoopConfiguration().get(key)
        if value:
            raise ConfigError(f"Spark's setting {key} is {value}, which leaves out files: start Spark without it")


def _settings_as_text(spark: SparkSession) -> str:
    """Return all settings of a session in one call to Java, as `Map(key -> value, …)`."""
    session: Any = spark._jsparkSession
    return str(session.conf().getAll().toString())


class SparkThreadPool(ThreadPoolExecutor):
    """A thread pool whose Spark jobs carry the tags and local properties of the thread that submits them."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        context = SparkContext._active_spark_context
        if context is None:
            return super().submit(fn, *args, **kwargs)
        # As `pyspark.inheritable_thread_target`, which asks for a session.
        java_context: Any = context._jsc.sc()
        properties = java_context.getLocalProperties().clone()

        def inheriting() -> Any:
            java_context.setLocalProperties(properties)
            return fn(*args, **kwargs)

        return super().submit(inheriting)


def persisted(frame: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Return a persisted frame, to be released, and one that reads its rows. With adaptive execution, shuffles run.

    Spark compares every query with every cached plan, node by node, and shows with every query the plans of all cached
    frames below it. Plans that build upon each other through several cached frames would be analysed, compared and
    shown from the input files on, again and again: most of the time of a small run, and of the memory of a large one.
    So what is persisted is a plan of one node, the rows of `frame`, and what is read is a plan of one node as well.
    """
    spark: Any = frame.sparkSession
    session, java_frame = spark._jsparkSession, frame._jdf
    plan = java_frame.queryExecution().executedPlan()
    # As `toRdd` of Spark, but without its description of the plan, which every query on the rows would show in full.
    rows = spark._jvm.org.apache.spark.sql.execution.SQLExecutionRDD(plan.execute(), session.sessionState().conf())
    kept = DataFrame(session.internalCreateDataFrame(rows, java_frame.schema(), False), spark).persist()
    relation = session.sharedState().cacheManager().lookupCachedData(kept._jdf).get().cachedRepresentation()
    return kept, DataFrame(spark._jvm.org.apache.spark.sql.classic.Dataset.ofRows(session, relation), spark)


def percentiles(value: Column, shares: Sequence[float]) -> Column:
    """Aggregate a number to its exact percentiles: an array<double>, NULL where there is no value.

    Spark 4.3 interpolates between two neighbours by another formula than earlier versions, whose last bit may differ.
    On these it is computed from the sorted values, which take more memory than Spark's own counts of different values.
    """
    value = value.cast("double")
    if not spark_version.startswith(("4.0.", "4.1.", "4.2.")):
        return F.percentile(value, list(shares))

    def interpolated(values: Column, share: float) -> Column:
        position = (F.size(values) - 1) * F.lit(share)
        low, high = F.get(values, F.floor(position)), F.get(values, F.ceil(position))
        return low + (high - low) * (position - F.floor(position))

    def at_shares(values: Column) -> Column:
        return F.when(F.size(values) > 0, F.array(*[interpolated(values, share) for share in shares]))

    # A lambda, so that the values are sorted once.
    return F.transform(F.array(F.sort_array(F.collect_list(value))), at_shares)[0]


def release(frame: DataFrame) -> None:
    """Unpersist a frame on the way out of a block; never replace the error or signal that ended the block."""
    with suppress(Exception):
        frame.unpersist()


def set_shuffle_partitions(spark: SparkSession, text_bytes: int) -> None:
    """Set the number of shuffle partitions by the size of the input, unless spark-submit was given one."""
    if PARTITIONS not in dict(spark.sparkContext.getConf().getAll()):
        spark.conf.set(PARTITIONS, str(partitions_for(text_bytes)))


def join_hint(rows: int) -> str:
    """Return the Spark hint for a join with this many rows of a few numbers: sent to every executor while they fit."""
    return "broadcast" if rows <= MOST_BROADCAST else "shuffle_hash"


def cancel_tagged_jobs(spark: SparkSession, tag: str) -> None:
    """Cancel the jobs of one run, from another thread: this one may be in the middle of a call to Java.

    Java that has ended, or does not answer, is not waited for.
    """

    def cancel() -> None:
        with suppress(Exception):
            spark.sparkContext.cancelJobsWithTag(tag)

    canceller = Thread(target=cancel, daemon=True)
    canceller.start()
    canceller.join(SECONDS_TO_CANCEL)


def is_one_process(spark: SparkSession) -> bool:
    """Return whether the driver runs all tasks itself, on its own machine."""
    context: Any = spark._jsc
    return bool(context.sc().isLocal())


def local_directory(spark: SparkSession) -> str:
    """Return the folder to which the driver's Spark spills what does not fit into memory."""
    jvm: Any = spark._jvm
    context: Any = spark._jsc
    return str(jvm.org.apache.spark.util.Utils.getLocalDir(context.sc().conf()))


def partitions_for(text_bytes: int) -> int:
    """Return the number of shuffle partitions for lines of this size: the same on any number of cores.

    A partition takes a core about a second: 200 cores share a gigabyte well, and 2 are not held up by thousands of
    empty partitions.

    >>> partitions_for(45_000_000), partitions_for(20_000_000_000)
    (8, 625)
    """
    return max(LEAST_PARTITIONS, -(-text_bytes // BYTES_SORTED_AT_ONCE))
