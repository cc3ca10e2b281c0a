"""Whether a run takes the model of an earlier one."""

from types import SimpleNamespace
from typing import Any

import pytest

from segmentation.config.files import load_config
from segmentation.errors import ConfigError
from segmentation.lake.manifest import BuildsUpon
from segmentation.refit import Earlier, open_earlier_runs
from tests.conftest import ROOT


def context(refit: str) -> Any:
    config = load_config(str(ROOT / "conf/online_retail.yaml"), [f"model.refit={refit}"])
    return SimpleNamespace(config=config, staged=SimpleNamespace(lake=None))


def test_never_to_fit_a_model_needs_an_earlier_run():
    with pytest.raises(ConfigError, match=r"model\.refit is never, and the lake has no earlier run .*: use --refit"):
        open_earlier_runs(context("never"), BuildsUpon())
    assert open_earlier_runs(context("auto"), BuildsUpon()) == Earlier(None, None)
