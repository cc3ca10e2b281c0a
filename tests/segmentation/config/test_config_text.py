"""A configuration that is written gives the same settings when it is read again."""

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
from segmentation.config.files import COMMENTS, flow, keep_config, key_paths, load_config
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
CONFIGURATIONS = sorted((ROOT / "conf").glob("*.yaml"))
OTHERWISE = [
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


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("overrides", [(), OTHERWISE], ids=["as it is", "otherwise"])
def test_what_is_written_is_read_as_the_same_settings(path: Path, overrides: list[str], tmp_path: Path):
    if "rfm" in path.stem:
        overrides = [one for one in overrides if not one.startswith("clustering.features")]
    config = load_config(str(path), overrides)
    keep_config(config, str(tmp_path / "kept.yaml"), ["of a test", "with \x1b[2J\nand more"])
    assert load_config(str(tmp_path / "kept.yaml")) == config
    assert (tmp_path / "kept.yaml").read_text(encoding="utf-8").startswith("# of a test\n# 'with ")


def test_every_key_is_written_with_a_word_on_it(tmp_path: Path):
    keep_config(load_config(str(CONFIGURATIONS[0])), str(tmp_path / "kept.yaml"), ())
    lines = (tmp_path / "kept.yaml").read_text(encoding="utf-8").splitlines()
    for key in key_paths(RunConfig):
        if key.startswith("input.columns."):
            continue
        written = [line for line in lines if re.match(rf" *{key.rpartition('.')[2]}:", line)]
        assert written != [], key
        assert key in COMMENTS or key in ("rollups", "charts", "report", "input.csv"), key
    assert set(COMMENTS) <= set(key_paths(RunConfig))


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path):
    config = load_config(str(CONFIGURATIONS[0]))
    (tmp_path / "mine.yaml").write_text("mine")
    with pytest.raises(ConfigError, match=r"mine\.yaml: is there already and is not overwritten: name a new file"):
        keep_config(config, str(tmp_path / "mine.yaml"), ())
    assert (tmp_path / "mine.yaml").read_text() == "mine"
    with pytest.raises(ConfigError, match=r"--write-config .*/none/x\.yaml: cannot be written: No such file"):
        keep_config(config, str(tmp_path / "none" / "x.yaml"), ())


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
def test_any_value_is_one_line_of_yaml_that_gives_it_again(value: Any):
    text = flow(value)
    assert len(text.splitlines()) == 1
    assert yaml.safe_load(f"key: {text}  # a word")["key"] == value


def test_the_examples_in_its_words_are_true():
    done = doctest.testmod(files)
    assert (done.failed, done.attempted > 0) == (0, True)
