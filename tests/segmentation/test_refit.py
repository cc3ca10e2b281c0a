"""Whether a run takes the model of an earlier one, and what the segments of a new model were called."""

from datetime import date
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from pyspark.sql import SparkSession

from segmentation import successor
from segmentation.clustering.levels import SegmentName
from segmentation.clustering.segment_model import Refusal, Segment, SegmentModel
from segmentation.config.files import load_config
from segmentation.config.model import ModelSettings
from segmentation.errors import ConfigError
from segmentation.lake.lineage import Lineage
from segmentation.lake.manifest import BuildsUpon
from segmentation.refit import ChosenModel, Earlier, as_successor, open_earlier_runs, reason_to_wait, scored_by
from tests.conftest import ROOT


def context(refit: str) -> Any:
    config = load_config(str(ROOT / "conf/online_retail.yaml"), [f"model.refit={refit}"])
    return SimpleNamespace(config=config, staged=SimpleNamespace(lake=None))


def model(*names: str) -> SegmentModel:
    """Return a model without stages whose segments have these names and ascending ids."""
    nothing: Any = None
    segments = [Segment(number, SegmentName(name, ""), {}, None) for number, name in enumerate(names, 1)]
    return SegmentModel((), segments, nothing, nothing, nothing, len(names) + 1, "a", date(2011, 12, 9))


def test_never_to_fit_a_model_needs_an_earlier_run():
    with pytest.raises(ConfigError, match=r"model\.refit is never, and the lake has no earlier run .*: use --refit"):
        open_earlier_runs(context("never"), BuildsUpon())
    assert open_earlier_runs(context("auto"), BuildsUpon()) == Earlier(None, None)


def test_the_name_of_all_customers_is_known_of_the_segment_that_goes_on(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
):
    def names_before(fitted: SegmentModel, before: SegmentModel, shared: dict[tuple[int, int], int]) -> list[str]:
        monkeypatch.setattr(successor, "shared_customers", lambda *_: shared)
        predecessor: Any = SimpleNamespace(model=before, customers=MagicMock())
        chosen = as_successor(context, ChosenModel(fitted, [], True, "", []), predecessor, MagicMock(), "")
        return [name.name if name else "" for name in chosen.names_before]

    context: Any = MagicMock(lineage=Lineage(()))
    monkeypatch.setattr(successor, "with_kept_segment", MagicMock())
    monkeypatch.setattr(successor, "to_cluster", MagicMock())
    monkeypatch.setattr(SegmentModel, "assign", MagicMock())
    one, two = model("All Customers"), model("Low", "High")
    assert names_before(two, one, {(1, 0): 7, (1, 1): 3}) == ["All Customers", ""]
    assert names_before(one, two, {(1, 0): 3, (2, 0): 7}) == ["High"]


def test_after_a_refused_model_the_next_is_fitted_a_week_later():
    def waits(refused: Refusal | None, max_refit_moves: float = 0.05) -> str | None:
        model: Any = SimpleNamespace(refused=refused)
        return reason_to_wait(model, ModelSettings(max_refit_moves=max_refit_moves), date(2011, 12, 9))

    assert waits(None) is None
    assert waits(Refusal(date(2011, 12, 2), 0.2)) is None
    lately = Refusal(date(2011, 12, 3), 0.2)
    assert waits(lately) == (
        "a new one as of 2011-12-03 would have moved 20.0% of the customers without a new line: the next is fitted "
        "from 2011-12-10"
    )
    assert waits(lately, max_refit_moves=0.2) is None, "it would be taken today"
    assert waits(Refusal(date(2011, 12, 20), 0.2)) is None, "of a later day"


def test_a_model_of_another_run_has_the_names_of_the_run_before():
    def run(*names: str) -> Any:
        return SimpleNamespace(model=model(*names), k_sweep=[])

    chosen = scored_by(run("Low", "High", "Top"), run("Lowest", "High"), "it was asked for", 7)
    assert [name.name for name in chosen.names_before if name] == ["Lowest", "High", "Top"]
    assert chosen.model.next_segment_id == 7
