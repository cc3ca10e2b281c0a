"""Which published runs a run builds upon, and whether the same request would be the same run again."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError
from segmentation.lake.lineage import Lineage, lineage_in, require_model
from segmentation.lake.manifest import BuildsUpon, Identity, lineage_of
from segmentation.lake.runs import Lake, RunEntry
from segmentation.lake.staging import stage
from tests.conftest import ROOT

MORNING = datetime(2012, 1, 1, tzinfo=UTC)
ASKED_FOR = Identity("input", "request", "request")


def published(run_id: str, day: int, upon: BuildsUpon | None = None, hour: int = 0) -> RunEntry:
    """Return a run of a day of December 2011, asked for as `ASKED_FOR`, that builds upon others."""
    earlier = upon or BuildsUpon()
    identity = ASKED_FOR.building_upon(earlier)
    at = MORNING + timedelta(hours=hour)
    return RunEntry(
        run_id, date(2011, 12, day), at, "shop", identity.request, identity.run, predecessor=earlier.predecessor
    )


def upon(run_id: str, model: str | None = None) -> BuildsUpon:
    return BuildsUpon(run_id, model or run_id)


def day(number: int) -> date:
    return date(2011, 12, number)


def test_a_run_builds_upon_the_newest_run_of_an_earlier_day():
    lineage = Lineage([published("c", 9), published("b", 5, hour=2), published("b0", 5, hour=1), published("a", 1)])
    assert lineage.before(day(10)) == upon("c")
    assert lineage.before(day(9)) == upon("b")
    assert lineage.before(day(5)) == upon("a"), "not a run of its own day"
    assert lineage.before(day(1)) == BuildsUpon()
    assert Lineage(lineage.runs, refits=True).before(day(10)) == BuildsUpon("c", None)
    assert Lineage(lineage.runs, requested="c").before(day(5)) == upon("a", "c")
    assert Lineage(lineage.runs, requested="c").before(day(1)) == BuildsUpon(None, "c")


def test_the_same_request_again_is_the_published_run():
    lineage = Lineage([published("b", 5, upon("a")), published("a", 1)])
    assert lineage.published(ASKED_FOR) == published("b", 5, upon("a"))
    assert lineage.published(Identity("input", "other request", "other request")) is None
    alone = Lineage([published("a", 1)])
    assert alone.published(ASKED_FOR) == published("a", 1)


def test_a_run_of_a_day_between_that_appears_later_makes_it_another_run():
    # What was built upon "a" would build upon the run of the 3rd today.
    between = RunEntry("late", day(3), MORNING + timedelta(hours=9), "shop", "other request", "other")
    lineage = Lineage([published("b", 5, upon("a")), between, published("a", 1)])
    assert lineage.before(day(5)) == upon("late")
    first = replace(published("a", 1), request="first request", identity="first")
    assert Lineage([published("b", 5, upon("a")), between, first]).published(ASKED_FOR) is None
    assert Lineage([published("b", 5, upon("a")), first]).published(ASKED_FOR) is not None
    assert Lineage([published("b", 5), first]).published(ASKED_FOR) is None, "also of a run that was the first"
    # A run of a later day changes nothing.
    later = RunEntry("later", day(9), MORNING, "shop", "other request", "other")
    again = Lineage([later, published("b", 5, upon("a")), published("a", 1)])
    assert again.published(ASKED_FOR) == published("b", 5, upon("a"))


def test_a_run_whose_predecessor_has_expired_is_found_again():
    for built_upon, lineage in (
        (upon("a"), Lineage([published("b", 5, upon("a"))])),
        (BuildsUpon("a", None), Lineage([published("b", 5, BuildsUpon("a", None))], refits=True)),
        (upon("a", "m"), Lineage([published("b", 5, upon("a", "m"))], requested="m")),
    ):
        assert lineage.published(ASKED_FOR) == published("b", 5, built_upon)
        assert lineage.published(Identity("input", "other request", "other request")) is None
    # An older one is left, upon which the run would build today.
    assert Lineage([published("b", 5, upon("a")), published("0", 1)]).published(ASKED_FOR) is not None


def test_no_run_of_an_earlier_day_has_used_the_next_segment_id():
    used = [replace(published(run_id, day), next_segment_id=ids) for run_id, day, ids in (("b", 5, 4), ("a", 1, 6))]
    lineage = Lineage(used)
    assert [lineage.next_segment_id(day(number)) for number in (1, 5, 6)] == [1, 6, 6]


def test_what_a_run_builds_upon_is_part_of_its_identity():
    ids = {ASKED_FOR.building_upon(each).run for each in (BuildsUpon(), upon("a"), upon("b"), upon("a", "b"))}
    assert len(ids) == 4
    assert {ASKED_FOR.building_upon(upon("a")).request} == {"request"}


def config(*overrides: str) -> RunConfig:
    return load_config(str(ROOT / "conf/online_retail.yaml"), overrides)


def test_runs_of_other_models_or_titles_are_another_lineage():
    own = lineage_of(config())
    same = ("clustering.parallel_fits=1", "model.refit=always", "charts.currency=CHF", "quality_gates.min_customers=1")
    other = (
        "title=Other",
        "input.columns.description=null",
        "clustering.k=5",
        "features.window_days=365",
        "figures=net",
        "cleaning.first_day=2011-01-01",
    )
    assert {lineage_of(config(override)) for override in same} == {own}
    assert len({own, *[lineage_of(config(override)) for override in other]}) == 1 + len(other)


def publish(lake: Lake, run_id: str, as_of: date, config: RunConfig, **more: Any) -> None:
    facts = {"identity": run_id, "as_of": as_of.isoformat(), "lineage": lineage_of(config), "request": run_id}
    document = {"title": config.title, "configuration": config.model_dump(mode="json")}
    stage(lake, run_id).publish({**facts, **document, **more})


def test_the_runs_of_a_lineage_are_listed_and_a_model_of_another_is_refused(
    lake: Lake, caplog: pytest.LogCaptureFixture
):
    shop, other = config(), config("title=Other")
    for run_id, number, of_run in (("a", 1, shop), ("b", 2, other), ("c", 3, shop)):
        publish(lake, run_id, day(number), of_run)
    publish(lake, "newer", day(4), shop, format=99)
    listed = lineage_in(lake, shop, "a")
    assert [run.run_id for run in listed.runs] == ["c", "a"]
    assert [record.getMessage() for record in caplog.records] == [
        "run newer is left out: a newer version, or another program, published it"
    ]
    assert listed.before(day(9)) == BuildsUpon("c", "a")
    require_model(listed, lake, shop)
    assert lineage_in(lake, config("model.refit=always"), None).before(day(9)) == BuildsUpon("c", None)
    for model, message in (
        ("b", r"--model b: that run has other settings \(title\), so that .* name a run of this configuration"),
        ("newer", r"--model newer: .* run 'newer' was published by a newer version"),
        ("x", r"--model x: there is no such run in the lake"),
        ("../x", r"--model \.\./x: there is no such run in the lake"),
    ):
        with pytest.raises(ConfigError, match=message):
            require_model(lineage_in(lake, shop, model), lake, shop)


def test_a_lineage_that_begins_beside_runs_of_its_title_names_what_changed(
    lake: Lake, caplog: pytest.LogCaptureFixture
):
    publish(lake, "a", day(1), config())
    assert lineage_in(lake, config("clustering.k=5", "features.window_days=365"), None).runs == []
    [warning] = [record.getMessage() for record in caplog.records]
    assert "run a, which has the same title but other settings (clustering.k, features.window_days). To" in warning
    caplog.clear()
    lineage_in(lake, config("title=Other", "clustering.k=5"), None)
    assert caplog.records == []
