"""What the README files show works: the code runs, the paths exist, the configuration reference is complete."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pyspark.sql import SparkSession

from segmentation import schemas as s
from segmentation.config.settings import RunConfig
from tests.scripts.small_lake import write_latest, write_run

ROOT = Path(__file__).resolve().parent.parent
READMES = [ROOT / "README.md", *sorted(ROOT.glob("*/README.md"))]
READERS = ("Spark", "pandas", "Polars", "DuckDB", "Ibis")
INDENTED = re.compile(r"(?:^ {4}.*\n)+", re.MULTILINE)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATHS = re.compile(r"(?<![\w./-])(?:scripts|jobs|conf|tests|segmentation|\.ci)/[\w./-]*\w")


def python_blocks() -> list[str]:
    text = READMES[0].read_text(encoding="utf-8")
    return [content for language, content in FENCED.findall(text) if language == "python"]


def command_lines(readme: Path) -> str:
    """Return what is indented or in a fence, as a README shows what to type."""
    text = readme.read_text(encoding="utf-8")
    fenced = [content for language, content in FENCED.findall(text) if language != "python"]
    return "\n".join(fenced + INDENTED.findall(FENCED.sub("", text)))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of one small run, at the README's relative path `lake`."""
    lake = tmp_path_factory.mktemp("readme") / "lake"
    write_run(lake / "runs", "a", "2011-12-10")
    write_latest(lake, "a", "2011-12-10")
    return lake


@pytest.fixture
def read(lake: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Run the README's block of a reader in the folder of the lake, and return its `segments`."""

    def run(reader: str) -> Any:
        [code] = [block for block in python_blocks() if reader_of(block) == reader]
        monkeypatch.chdir(lake.parent)
        if reader == "Spark":  # its Java stays in the folder it was started in
            code = code.replace('"lake', f'"{lake}')
        names: dict[str, Any] = {"__name__": "readme", "spark": spark}
        exec(compile(code, f"README.md, {reader}", "exec"), names)
        return names["segments"]

    return run


def reader_of(block: str) -> str:
    return block.removeprefix("# ").partition("\n")[0].partition(":")[0]


@pytest.mark.parametrize("reader", READERS)
def test_the_latest_run_is_read_as_the_readme_shows_with_the_columns_of_the_table(
    reader: str, read: Callable[[str], Any]
):
    segments = read(reader)
    assert list(segments.columns) == ["customer_id", "total_spend", "purchase_frequency", "as_of"]
    assert sorted(customer_ids(segments)) == ["12346", "12347", "12348"]


def customer_ids(segments: Any) -> list[str]:
    """Return the first column, which every library returns differently."""
    if hasattr(segments, "fetchall"):  # a DuckDB relation
        return [row[0] for row in segments.fetchall()]
    if hasattr(segments, "to_pandas"):  # of Ibis and Polars
        segments = segments.to_pandas()
    return [row[0] for row in segments.collect()] if hasattr(segments, "collect") else list(segments["customer_id"])


def test_pandas_calculates_with_money(read: Callable[[str], Any]):
    segments = read("pandas")
    assert segments.describe().loc["mean", "total_spend"] == 20.25
    assert list(segments.nlargest(2, "total_spend")["customer_id"]) == ["12348", "12347"]
    assert list(segments["total_spend"] / segments["purchase_frequency"]) == pytest.approx([10.25, 10.125, 30.25 / 3])


def test_every_python_block_names_its_reader():
    assert sorted(map(reader_of, python_blocks())) == sorted(READERS)


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_in_a_command_exists_and_every_script_can_be_run(readme: Path):
    paths = set(PATHS.findall(command_lines(readme)))
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
    scripts = set(re.findall(r"^ *(scripts/\w+)", command_lines(readme), re.MULTILINE))
    assert [script for script in sorted(scripts) if not os.access(ROOT / script, os.X_OK)] == []


def test_the_readme_shows_how_to_start():
    paths = set(PATHS.findall(command_lines(READMES[0])))
    assert {"scripts/demo", "scripts/test", "jobs/segment_customers.py", "conf/spark-local.conf"} <= paths


def keys(model: type[BaseModel], section: str = "") -> Iterator[str]:
    """Yield the path of each key; keys of a list's entries by name, the eight columns as one."""
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


def test_the_reference_lists_the_cleaning_rules_in_their_order():
    section = (ROOT / "conf" / "README.md").read_text(encoding="utf-8").partition("\n## How lines are cleaned\n")[2]
    rows = re.findall(r"^\| (\w+) \|", section.partition("\n## ")[0], re.MULTILINE)
    assert rows == ["rule", *s.RULE_NAMES]
