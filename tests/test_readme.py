"""What the README says can be done: its code runs, its commands exist, its reference is whole."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pyspark.sql import SparkSession

from segmentation.config.settings import RunConfig
from tests.jobs.conftest import CONFIG, QUICK, job_in
from tests.jobs.published_runs import latest_run, manifest_of, rows_of
from tests.jobs.small_shop import make_small_shop, write_csv

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
READERS = ("Spark", "pandas", "Polars", "DuckDB")
INDENTED = re.compile(r"(?:^ {4}.*\n)+", re.MULTILINE)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"(?<![\w./-])(?:scripts|jobs|conf|tests|segmentation|\.ci)/[\w./-]*\w")


def text() -> str:
    return README.read_text(encoding="utf-8")


def python_blocks() -> list[str]:
    return [content for language, content in FENCED.findall(text()) if language == "python"]


def command_lines() -> str:
    """All that stands indented or in a fence of a shell, which is how a README shows what to type."""
    fenced = [content for language, content in FENCED.findall(text()) if language != "python"]
    return "\n".join(fenced + INDENTED.findall(FENCED.sub("", text())))


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published lake that the README's relative path `lake` leads to."""
    folder = tmp_path_factory.mktemp("readme")
    source = write_csv(make_small_shop().texts, folder / "transactions.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        done = job_in(spark)("--config", CONFIG, "--input", source, "--output", folder / "lake", "--set", *QUICK)
    assert done.code == 0, done.stderr
    return folder / "lake"


@pytest.mark.parametrize("reader", READERS)
def test_the_latest_run_is_read_as_the_readme_shows(
    reader: str, lake: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
):
    [code] = [block for block in python_blocks() if block.startswith(f"# {reader}\n")]
    monkeypatch.chdir(lake.parent)
    if reader == "Spark":  # its Java stays in the folder it was started in
        code = code.replace('"lake', f'"{lake}')
    names: dict[str, Any] = {"__name__": "readme", "spark": spark, "lake": "lake"}
    exec(compile(code, f"README.md, {reader}", "exec"), names)
    run = latest_run(lake)
    customers = [row["customer_id"] for row in rows_of(run, "customer_segments")]
    assert len(customers) == manifest_of(run)["reconciliation"]["customers"]
    assert sorted(customer_ids(names["segments"])) == sorted(customers)


def customer_ids(segments: Any) -> list[str]:
    """The first column, which every library hands out differently."""
    if hasattr(segments, "collect"):  # a Spark frame, a lazy Polars one
        segments = segments.collect()
    if hasattr(segments, "fetchall"):  # a DuckDB relation
        segments = segments.fetchall()
    return [row[0] for row in segments] if isinstance(segments, list) else list(segments["customer_id"])


def test_every_python_block_says_which_reader_it_is_for():
    headings = [block.partition("\n")[0].removeprefix("# ") for block in python_blocks()]
    assert sorted(headings) == sorted(READERS)


def test_every_place_that_a_command_line_names_exists():
    places = set(PLACE.findall(command_lines()))
    assert {"scripts/demo", "scripts/test", "jobs/segment_customers.py", "conf/spark-local.conf"} <= places
    assert [place for place in sorted(places) if not (ROOT / place).exists()] == []


def test_every_script_that_a_command_line_begins_with_can_be_run():
    commands = set(re.findall(r"^ *(scripts/\w+)", command_lines(), re.MULTILINE))
    assert {"scripts/demo", "scripts/test"} <= commands
    assert [command for command in sorted(commands) if not os.access(ROOT / command, os.X_OK)] == []


def keys(model: type[BaseModel], section: str = "") -> Iterator[str]:
    """Every key by its path; those of a list's entries by their name alone; the eight fields of a line together."""
    for name, field in model.model_fields.items():
        if f"{section}{name}" == "input.columns":
            yield "input.columns"
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{section}{name}.")
        else:
            yield f"{section}{name}"
            for part in get_args(field.annotation):
                if isinstance(part, type) and issubclass(part, BaseModel):
                    yield from keys(part)


def test_the_reference_has_every_configuration_key_and_no_other():
    reference = (ROOT / "conf" / "README.md").read_text(encoding="utf-8")
    known = set(keys(RunConfig))
    assert [key for key in sorted(known) if f"`{key}`" not in reference] == []
    first_cells = re.findall(r"^\| (`.*?) \|", reference, re.MULTILINE)
    assert {key for cell in first_cells for key in re.findall(r"`(.+?)`", cell)} <= known
