"""Equal input, configuration, day and code make the same run; anything else makes another."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError
from segmentation.filesystem import StoredFile
from segmentation.lake.manifest import Identity, identify, require_run_id

CONFIG = Path(__file__).resolve().parents[3] / "conf" / "online_retail.yaml"
FILE = StoredFile("file:/data/a.csv", 100, 1_300_000_000_000)
DAY = date(2011, 12, 10)


def config(*overrides: str) -> RunConfig:
    return load_config(str(CONFIG), overrides)


def test_equal_input_configuration_and_day_give_the_same_run(tmp_path: Path):
    rewritten = tmp_path / "same.yaml"
    # The same settings in another order, with another comment.
    sections = re.split(r"\n(?=[a-z]+:)", CONFIG.read_text())
    rewritten.write_text("# other words\n" + "\n".join(reversed(sections)))
    identity = identify([FILE], config(), DAY)
    assert identify([FILE], load_config(str(rewritten)), DAY) == identity
    assert identify([FILE], config("clustering.seed=1"), DAY) == identity, "a default that is written out"
    assert re.fullmatch("[0-9a-f]{12}", identity.default_run_id)
    assert require_run_id(identity.default_run_id) == identity.default_run_id


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda: identify([replace(FILE, modified_ms=FILE.modified_ms + 1)], config(), None), id="mtime"),
        pytest.param(lambda: identify([replace(FILE, size=101)], config(), None), id="size"),
        pytest.param(lambda: identify([replace(FILE, content="etag 1")], config(), None), id="content"),
        pytest.param(lambda: identify([replace(FILE, path="file:/data/b.csv")], config(), None), id="path"),
        pytest.param(lambda: identify([FILE, FILE], config(), None), id="one file more"),
        pytest.param(lambda: identify([FILE], config("clustering.seed=2"), None), id="configuration"),
        pytest.param(lambda: identify([FILE], config(), DAY), id="as_of"),
    ],
)
def test_other_input_configuration_or_day_gives_another_run(other: Callable[[], Identity]):
    assert other().run != identify([FILE], config(), None).run


def test_the_input_fingerprint_depends_on_the_input_alone():
    fingerprint = identify([FILE], config(), None).input_fingerprint
    assert identify([FILE], config("clustering.seed=2"), DAY).input_fingerprint == fingerprint
    assert identify([replace(FILE, size=101)], config(), None).input_fingerprint != fingerprint


@pytest.mark.parametrize(
    "run_id", ["a/b", "..", ".", "", ".x", "-x", "_x", "a b", " a", "a\n", "a\\b", "ü", "a%b", "a" * 101]
)
def test_a_run_id_that_cannot_name_a_folder_everywhere_is_refused(run_id: str):
    message = f"--run-id {run_id!r}: may have letters, digits, '.', '_' and '-'"
    with pytest.raises(ConfigError, match=re.escape(message)):
        require_run_id(run_id)


@pytest.mark.parametrize("run_id", ["a", "7", "2011-12-10", "daily_2011.12.10", "a..b", "a" * 100])
def test_an_ordinary_run_id_is_accepted(run_id: str):
    assert require_run_id(run_id) == run_id
