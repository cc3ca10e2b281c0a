"""Spark's settings on which results depend, and those by which a run is quicker. Imports nothing of Spark."""

import re

SETTINGS = {
    # A wall-clock time is the same on any machine: dates are parsed and written in one zone.
    "spark.sql.session.timeZone": "UTC",
    # Overflow and bad casts fail where the code does not use try_cast.
    "spark.sql.ansi.enabled": "true",
    # `CustomerID` and `customerid` are two columns, in Parquet as in a CSV header.
    "spark.sql.caseSensitive": "true",
    # An impossible date is a rejected line, not a stack trace and not another date.
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    # Hadoop's readers leave out longer lines without a word.
    "mapreduce.input.linerecordreader.line.maxlength": str(2**31 - 1),
    # DuckDB, Polars, pandas and Trino read this form of timestamps.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # pandas writes nanoseconds, which Spark has no type for: the reader converts the numbers.
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    # Lines are cached for one run: choosing a compression for them takes longer than it saves.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
    # Spark looks up each of thousands of files again, by default in a task of its own, which takes longer than that.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "64",
    # Generated code that is equal has one name, and is compiled once: a tenth of the time of a small run.
    "spark.sql.codegen.useIdInClassName": "false",
    # Workbooks and small tables reach Spark as Arrow.
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}

# Settings that are Spark's own defaults during a run, whatever others set: on them depends which files and lines are
# read, what they are taken for, and what an expression means. Each is a name below spark.sql, or the beginning of some.
DEFAULTED = (
    # Damaged, missing or some files are passed over.
    *("files.ignore", "files.maxRecordsPerFile", "files.supportSecondOffsetFormat"),
    *("sources.useV1SourceList", "sources.default", "sources.partition", "sources.validate", "sources.useListFiles"),
    # What a reader takes text and numbers for.
    *("columnNameOfCorruptRecord", "csv.", "json.", "jsonGenerator.", "fromJson", "pyspark.toJSON"),
    *("parquet.binaryAsString", "parquet.int", "parquet.infer", "parquet.merge", "parquet.respect", "parquet.fieldId."),
    *("parquet.writeLegacyFormat", "parquet.datetimeRebase", "parquet.reader.", "parquet.ignore", "parquet.aggregate"),
    *("parquet.recordLevelFilter.", "execution.datasources.", "timestampType", "timestampNanosTypes.", "timeType."),
    # What types, functions, names and texts mean.
    *("ansi.", "decimalOperations.", "storeAssignmentPolicy", "mapKeyDedupPolicy", "icu.", "collation.", "function"),
    *("parser.", "groupBy", "orderBy", "retainGroupColumns", "crossJoin.", "analyzer.", "selfJoin", "datetime."),
    *("charAsVarchar", "readSideCharPadding", "preserveCharVarchar", "chunkBase64String.", "binaryOutputStyle"),
    *("dropDuplicates.", "execution.sortBeforeRepartition", "execution.pandas.", "execution.arrow.useLargeVarTypes"),
    *("optimizer.disableHints", "optimizer.metadataOnly", "error.messageFormat", "experimental."),
    # The behaviour of older versions, which is often to pass over a fault.
    "legacy.",
)
DEFAULTED_KEY = re.compile(rf"(?<=[(, ])spark\.sql\.(?:{'|'.join(map(re.escape, DEFAULTED))})[A-Za-z0-9.]*(?= -> )")

# Settings by which files are left out, and which cannot be changed here.
LEAVES_OUT_FILES = ("mapreduce.input.pathFilter.class",)

# Fixed when Spark starts. PySpark would look up the Python stack for every expression, which doubles the time to build
# one.
STATIC_SETTINGS = {"spark.python.sql.dataFrameDebugging.enabled": "false"}
