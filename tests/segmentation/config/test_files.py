"""Configuration files: what can be read, how overrides apply, and that a written file gives the same settings."""

import doctest
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from segmentation.config import files
from segmentation.config.files import flow, load_config, write_config
from segmentation.config.messages import key_paths
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
CONFIGURATIONS = sorted((ROOT / "conf").glob("*.yaml"))
CLASSIC = str(ROOT / "conf/online_retail.yaml")
# Values that plain YAML would read as something else.
HARD_TO_WRITE = [
    "title='Café #1: x \u202e'",
    "charts.currency='# £'",
    "cleaning.first_day=2011-02-28",
    "cleaning.switched_off=[duplicate, cancellation]",
    "cleaning.missing_customer_ids=['no', 'null', '1', '~', '']",
    "clustering.features=[{feature: total_spend, winsorise: [0.01, 0.99], transform: log1p, scale: robust}]",
    "clustering.k=3",
    "clustering.tolerance=1.0e-07",
    "input.sheets=[Year 2010, 'yes']",
    "input.csv.delimiter='~'",
    "input.columns.unit_price='Price: £ [net] \\x85'",
    "quality_gates.max_rejected_share=0.1",
    "quality_gates.min_customers=10",
]


def test_an_override_is_read_as_yaml_and_replaces_the_key():
    config = load_config(
        CLASSIC,
        [
            "clustering.k=5",
            "cleaning.first_day=2010-12-02",
            "cleaning.switched_off=[duplicate]",
            "input.csv.delimiter=;",
            "input.columns.customer_id=Customer ID",
            "title=Shops = customers",
            "clustering.k=6",
        ],
    )
    assert config.clustering.k == 6  # the last one counts
    assert config.cleaning.first_day == date(2010, 12, 2)
    assert config.cleaning.switched_off == ("duplicate",)
    assert config.input.csv.delimiter == ";"
    assert config.input.columns.customer_id == "Customer ID"
    assert config.input.columns.country == "Country"
    assert config.title == "Shops = customers"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("clustering", "--set clustering: must read key.path=value, for example clustering.k=5"),
        ("clustering..k=3", "--set clustering..k=3: must read key.path=value"),
        ("clustering.k=[1", "--set clustering.k=[1: is not valid YAML"),
        ("title.x=3", "--set title.x=3: 'title' holds a value, not a section with keys"),
        ("cleaning.first_day=2010-13-01", "--set cleaning.first_day=2010-13-01: holds a date that does not exist"),
    ],
)
def test_a_malformed_override_is_quoted(override: str, message: str):
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_config(CLASSIC, ["title=x", override])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"clustering:\n  k: [1, 2\n", "is not valid YAML at line 3, column 1"),
        (b"", "holds no keys; see conf/online_retail.yaml for an example"),
        (b"cleaning: {first_day: 2010-02-30}\n", "holds a date that does not exist"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_configuration_is_named(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(f"configuration {path}: {message}")):
        load_config(str(path))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"configuration .*nowhere\.yaml: No such file or directory: name a YAML"):
        load_config(str(tmp_path / "nowhere.yaml"))
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config(str(tmp_path))


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("overrides", [(), HARD_TO_WRITE], ids=["as shipped", "hard to write"])
def test_a_written_configuration_gives_the_same_settings(path: Path, overrides: list[str], tmp_path: Path):
    if "rfm" in path.stem:
        overrides = [override for override in overrides if not override.startswith("clustering.features")]
    config = load_config(str(path), overrides)
    copy = tmp_path / "copy.yaml"
    write_config(config, str(copy), ["of a test", "with \x1b[2J\nand more"])
    assert load_config(str(copy)) == config
    assert copy.read_text(encoding="utf-8").startswith("# of a test\n# 'with ")


def test_every_key_is_written_with_its_description(tmp_path: Path):
    write_config(load_config(CLASSIC), str(tmp_path / "copy.yaml"), ())
    text = (tmp_path / "copy.yaml").read_text(encoding="utf-8")
    without_description = {"input.csv", "rollups", "charts", "report"}
    for key in key_paths(RunConfig):
        if not key.startswith("input.columns."):
            ending = "" if key in without_description else ".*  # .+"
            assert re.search(rf"^ *{key.rpartition('.')[2]}:{ending}$", text, re.MULTILINE), key


def test_an_existing_file_is_not_overwritten(tmp_path: Path):
    config = load_config(CLASSIC)
    (tmp_path / "mine.yaml").write_text("mine")
    with pytest.raises(ConfigError, match=r"mine\.yaml: exists and is not overwritten: name a new file"):
        write_config(config, str(tmp_path / "mine.yaml"), ())
    assert (tmp_path / "mine.yaml").read_text() == "mine"
    with pytest.raises(ConfigError, match=r"--write-config .*/none/x\.yaml: cannot be written: No such file"):
        write_config(config, str(tmp_path / "none" / "x.yaml"), ())


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.dates(date(1, 1, 1)),
    )
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=6,
)


@given(VALUES)
def test_any_value_is_one_line_of_yaml_that_is_read_as_the_same(value: Any):
    text = flow(value)
    assert len(text.splitlines()) == 1
    assert yaml.safe_load(f"key: {text}  # a comment")["key"] == value


def test_the_examples_of_the_docstrings_are_true():
    done = doctest.testmod(files)
    assert (done.failed, done.attempted > 0) == (0, True)
