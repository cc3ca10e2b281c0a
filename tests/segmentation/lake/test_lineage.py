"""Which published runs a run builds upon, and whether the same request would be the same run again."""

from datetime import UTC, date, datetime, timedelta

import pytest

from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError
from segmentation.lake.lineage import Lineage, lineage_in
from segmentation.lake.manifest import BuildsUpon, Identity, lineage_of
from segmentation.lake.runs import Lake, RunEntry
from segmentation.lake.staging import stage
from tests.conftest import ROOT

MORNING = datetime(2012, 1, 1, tzinfo=UTC)
ASKED_FOR = Identity("input", "request", "request")


def published(run_id: str, day: int, upon: BuildsUpon | None = None, hour: int = 0) -> RunEntry:
    """Return a run of a day of December 2011, asked for as `ASKED_FOR`, that builds upon others."""
    identity = ASKED_FOR.building_upon(upon or BuildsUpon())
    return RunEntry(
        run_id, date(2011, 12, day), MORNING + timedelta(hours=hour), "shop", identity.request, identity.run
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
    assert lineage.published(ASKED_FOR) == ASKED_FOR.building_upon(upon("a"))
    assert lineage.published(Identity("input", "other request", "other request")) is None
    alone = Lineage([published("a", 1)])
    assert alone.published(ASKED_FOR) == ASKED_FOR


def test_a_run_of_a_day_between_that_appears_later_makes_it_another_run():
    # What was built upon "a" would build upon the run of the 3rd today.
    between = RunEntry("late", day(3), MORNING + timedelta(hours=9), "shop", "other request", "other")
    lineage = Lineage([published("b", 5, upon("a")), between, published("a", 1)])
    assert lineage.before(day(5)) == upon("late")
    only = Lineage([run for run in lineage.runs if run.run_id != "a"])
    assert only.published(ASKED_FOR) is None
    # A run of a later day changes nothing.
    later = RunEntry("later", day(9), MORNING, "shop", "other request", "other")
    again = Lineage([later, published("b", 5, upon("a")), published("a", 1)])
    assert again.published(ASKED_FOR) == ASKED_FOR.building_upon(upon("a"))


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
        "clustering.k=5",
        "features.window_days=365",
        "figures=net",
        "cleaning.first_day=2011-01-01",
    )
    assert {lineage_of(config(override)) for override in same} == {own}
    assert len({own, *[lineage_of(config(override)) for override in other]}) == 1 + len(other)


def test_the_runs_of_a_lineage_are_listed_and_a_model_of_another_is_refused(lake: Lake):
    for run_id, lineage, as_of in (
        ("a", "shop", "2011-12-01"),
        ("b", "other", "2011-12-02"),
        ("c", "shop", "2011-12-03"),
    ):
        stage(lake, run_id).publish({"identity": run_id, "as_of": as_of, "lineage": lineage, "request": run_id})
    assert [run.run_id for run in lineage_in(lake, "shop", None, False).runs] == ["c", "a"]
    assert lineage_in(lake, "shop", "a", False).before(day(9)) == BuildsUpon("c", "a")
    with pytest.raises(ConfigError, match=r"--model b: that run has another title, or other rules .* name a run of"):
        lineage_in(lake, "shop", "b", False)
    with pytest.raises(ConfigError, match=r"--model x: there is no such run in the lake"):
        lineage_in(lake, "shop", "x", False)
