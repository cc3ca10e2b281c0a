"""Whether a run takes the model of an earlier one, and what the segments of a new model were called."""

from datetime import date
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from pyspark.sql import SparkSession

from segmentation import successor
from segmentation.clustering.levels import SegmentName
from segmentation.clustering.segment_model import Segment, SegmentModel
from segmentation.config.files import load_config
from segmentation.errors import ConfigError
from segmentation.lake.lineage import Lineage
from segmentation.lake.manifest import BuildsUpon
from segmentation.refit import ChosenModel, Earlier, as_successor, open_earlier_runs, reason_to_wait
from tests.conftest import ROOT


def context(refit: str) -> Any:
    config = load_config(str(ROOT / "conf/online_retail.yaml"), [f"model.refit={refit}"])
    return SimpleNamespace(config=config, staged=SimpleNamespace(lake=None))


def test_never_to_fit_a_model_needs_an_earlier_run():
    with pytest.raises(ConfigError, match=r"model\.refit is never, and the lake has no earlier run .*: use --refit"):
        open_earlier_runs(context("never"), BuildsUpon())
    assert open_earlier_runs(context("auto"), BuildsUpon()) == Earlier(None, None)


def test_the_name_of_all_customers_is_known_of_the_segment_that_goes_on(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
):
    nothing: Any = None

    def model(*names: str) -> SegmentModel:
        segments = [Segment(number, SegmentName(name, ""), {}, None) for number, name in enumerate(names, 1)]
        return SegmentModel((), segments, nothing, nothing, nothing, len(names) + 1, "a", date(2011, 12, 9))

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
    def waits(refused_as_of: date | None) -> str | None:
        model: Any = SimpleNamespace(refused_as_of=refused_as_of)
        return reason_to_wait(model, date(2011, 12, 9))

    assert waits(None) is None
    assert waits(date(2011, 12, 2)) is None
    assert waits(date(2011, 12, 3)) == (
        "a new one as of 2011-12-03 would have moved too many customers: the next is fitted from 2011-12-10"
    )
