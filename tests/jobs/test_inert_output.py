"""What the job and its Spark say is inert: no secret, no customer, nothing that acts on a terminal, no open port."""

from pathlib import Path

from pyspark.sql import SparkSession

from tests.jobs.conftest import ROOT


def test_a_line_of_sparks_log_is_one_line_without_passwords(spark: SparkSession):
    jvm = spark._jvm
    properties = jvm.java.util.Properties()
    properties.load(jvm.java.io.FileReader(str(ROOT / "conf" / "log4j2.properties")))
    log4j = jvm.org.apache.logging.log4j
    layout = (
        log4j.core.layout.PatternLayout.newBuilder()
        .withPattern(properties.getProperty("appender.stderr.layout.pattern"))
        .withAlwaysWriteExceptions(properties.getProperty("appender.stderr.layout.alwaysWriteExceptions") != "false")
        .build()
    )
    event = (
        log4j.core.impl.Log4jLogEvent.newBuilder()
        .setLoggerName("org.apache.spark.Reader")
        .setLevel(log4j.Level.WARN)
        .setMessage(log4j.message.SimpleMessage("s3a://key:c4nary@bucket/a\r\nERROR all\x1b[2J is\u202e lost"))
        .setThrown(jvm.java.lang.RuntimeException("http://user:c4nary@host/\nERROR again"))
        .build()
    )
    told = layout.toSerializable(event)
    print(repr(told))
    assert told.partition(" ")[2].startswith("Spark WARN Reader: s3a://***@bucket/a ERROR all [2J is lost http")
