"""Messages of a job reach the standard error of spark-submit, whatever becomes of Java."""

import io
import logging
import sys
from typing import Any

import pytest
from pyspark.sql import SparkSession

from segmentation.cli import streams
from segmentation.cli.streams import GATEWAY_PORT, SUBSTITUTE_CHARACTERS, use_standard_error_of_spark_submit
from tests.jobs.running_jobs import run_to_its_end, submit_command


def stderr_in_a_pipe(patch: pytest.MonkeyPatch) -> io.BytesIO:
    """Put a pipe in the place of standard error, as PythonRunner does, and return what is written to it."""
    patch.setattr(streams.atexit, "register", lambda _: None)
    written = io.BytesIO()
    patch.setattr(sys, "stderr", io.TextIOWrapper(written, encoding="ascii"))
    return written


def test_errors_go_to_javas_standard_error_as_bytes_of_the_encoding(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
):
    context: Any = spark.sparkContext
    parameters = context._gateway.java_parameters
    monkeypatch.setenv(GATEWAY_PORT, str(parameters.port))
    monkeypatch.setenv("PYSPARK_GATEWAY_SECRET", parameters.auth_token)
    system = context._jvm.java.lang.System
    before, written = system.err, context._jvm.java.io.ByteArrayOutputStream()
    system.setErr(context._jvm.java.io.PrintStream(written))
    own = stderr_in_a_pipe(monkeypatch)
    try:
        use_standard_error_of_spark_submit()
        assert (sys.stderr.encoding, sys.stderr.errors) == ("ascii", SUBSTITUTE_CHARACTERS)
        sys.stderr.write("error: £5 is no price\n")
        handler = logging.StreamHandler()
        handler.handle(logging.makeLogRecord({"msg": "a file was skipped"}))
        assert written.toString() == "error: GBP 5 is no price\na file was skipped\n"
        assert own.getvalue() == b""
    finally:
        system.setErr(before)


def test_without_java_errors_go_to_the_drivers_own_stream(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(GATEWAY_PORT, "1")
    monkeypatch.setenv("PYSPARK_GATEWAY_SECRET", "none")
    own = stderr_in_a_pipe(monkeypatch)
    use_standard_error_of_spark_submit()
    sys.stderr.write("error: stopped\n")
    assert own.getvalue() == b"error: stopped\n"


def test_without_spark_submit_nothing_changes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(GATEWAY_PORT, raising=False)
    before = sys.stderr
    use_standard_error_of_spark_submit()
    assert sys.stderr is before


@pytest.mark.process
def test_a_wrong_option_under_spark_submit_is_on_standard_error_alone():
    done = run_to_its_end(submit_command("--imput", "x"))
    assert (done.code, done.stdout) == (2, "")
    assert done.errors == (
        "segment_customers.py: error: --imput is not an option: did you mean '--input'? (see --help)\n"
    )
