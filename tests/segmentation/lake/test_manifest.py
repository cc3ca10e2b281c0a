"""Equal input, configuration, day and code make the same run; anything else makes another."""

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.resources.abc import Traversable
from pathlib import Path

import pytest

from segmentation import __version__
from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError
from segmentation.filesystem import StoredFile
from segmentation.ingest.files import InputFile
from segmentation.lake.manifest import Identity, code_version, contents, identify, require_run_id, run_facts

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


def test_changed_code_makes_another_run_wherever_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    sources = {"b.py": "1", "a.py": "2", "report/page.html": "3", "report/template/page.css": "4", "notes.md": "5"}

    def version(files: dict[str, str], where: str) -> str:
        """The version of a package with these files, in a zip that has them in this order, or unpacked."""
        archive = tmp_path / f"{where}.zip"
        with zipfile.ZipFile(archive, "w") as package:
            for name, text in files.items():
                package.writestr(name, text)
        folder: Traversable = zipfile.Path(archive)
        if where == "unpacked":
            folder = tmp_path / where
            shutil.unpack_archive(archive, folder)
        monkeypatch.setattr("importlib.resources.files", lambda _: folder)
        return code_version.__wrapped__()

    assert re.fullmatch(re.escape(__version__) + r"\+[0-9a-f]{12}", version(sources, "zip"))
    assert version(dict(reversed(sources.items())), "zip") == version(sources, "zip") == version(sources, "unpacked")
    assert version(sources | {"notes.md": "other"}, "zip") == version(sources, "zip")
    others = [sources | {name: "other"} for name in sources if name != "notes.md"]
    others += [{f"x/{name}": text for name, text in sources.items()}, sources | {"main.js": "6"}]
    assert len({version(files, "zip") for files in (sources, *others)}) == len(others) + 1


def test_the_facts_of_a_run_are_json_with_the_day_the_second_and_each_file():
    began = datetime(2011, 12, 10, 8, 30, 15, 999_999, tzinfo=UTC)
    settings = config("cleaning.first_day=2010-12-01", "title=Shop")
    files = [InputFile("/data/a.csv", FILE, "csv")]
    facts = run_facts(settings, identify([FILE], settings, DAY), files, DAY, began, Choice(2, "fixed", 4, ""), "4.3.0")
    assert json.loads(json.dumps(facts)) == facts
    assert facts["configuration"]["cleaning"]["first_day"] == "2010-12-01"
    assert (facts["title"], facts["as_of"], facts["began_at"]) == ("Shop", "2011-12-10", "2011-12-10T08:30:15+00:00")
    assert facts["identity"] == identify([FILE], settings, DAY).run
    assert facts["input"]["fingerprint"] == identify([FILE], settings, None).input_fingerprint
    [file] = facts["input"]["files"]
    of_file = {"path": "/data/a.csv", "bytes": 100, "modified_ms": FILE.modified_ms, "format": "csv"}
    assert of_file.items() <= file.items()
    assert (facts["choice"]["k"], facts["choice"]["elbow"], facts["spark_version"]) == (2, 4, "4.3.0")


def test_contents_lists_each_file_once_with_its_table_or_alone():
    tables = {
        "k_sweep/part-5.parquet": {"bytes": 5, "sha256": "5"},
        "k_sweep/k=2/part-7.parquet": {"bytes": 7, "sha256": "7"},
    }
    others = {"charts/elbow.png": {"bytes": 11, "sha256": "b"}, "report/index.html": {"bytes": 13, "sha256": "c"}}
    schema = json.loads(s.K_SWEEP.json())
    assert contents({"k_sweep": 10}, others | tables) == {
        "tables": {"k_sweep": {"rows": 10, "bytes": 12, "schema": schema, "files": tables}},
        "files": others,
    }


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
