"""Every chart shows names literally, lets no text overlap, and is the same bytes every time."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from matplotlib import rcParams
from matplotlib.figure import Figure

from segmentation.report.charts import style
from segmentation.report.charts.elbow import elbow_chart
from segmentation.report.charts.segments import segments_chart
from segmentation.report.charts.style import save
from tests.segmentation.report.charts.samples import (
    CLASSIC,
    CLASSIC_WSSSE,
    HOSTILE,
    LONG,
    all_charts,
    assert_texts_apart,
    many_profiles,
    profiles_of,
    sweep_of,
    texts_drawn,
    words_of,
)

ROOT = Path(style.__file__).parents[3]


@pytest.mark.parametrize(("k", "name"), [(1, LONG), (4, "Champions"), (12, LONG)])
def test_no_text_overlaps_another_or_leaves_the_page(k: int, name: str) -> None:
    for figure in all_charts(many_profiles(k, name), [f"{name} {i}" for i in range(20)]).values():
        assert_texts_apart(figure)


@pytest.mark.filterwarnings("error")
def test_hostile_names_are_shown_literally_and_without_warnings(tmp_path: Path) -> None:
    profiles = [row | {"segment_name": HOSTILE[i]} for i, row in enumerate(many_profiles(len(HOSTILE)))]
    figures = all_charts(profiles, HOSTILE)
    figures["elbow"] = elbow_chart(sweep_of(CLASSIC_WSSSE, 4), HOSTILE[0])
    figures["title"] = segments_chart([], profiles_of([("Low", 90, "10.00", 1), (HOSTILE[0], 10, "90.00", 2)]))
    del figures["concentration"]  # shows no name
    unbroken = HOSTILE[0].partition(" $$")[0]  # the flow chart writes a long name in two lines
    for name, figure in figures.items():
        assert any(unbroken in words for words in words_of(figure)), name
        assert not any(text.get_parse_math() for text, _ in texts_drawn(figure) if "$" in text.get_text()), name
        assert_texts_apart(figure)
        save(figure, tmp_path / "hostile.png")
    words = words_of(figures["pareto"])
    assert {"tab and newline", "<b>&amp;</b>"} <= words
    assert words & {"unicorn □ gift", "unicorn 🦄 gift"}, "a box where no font has a unicorn"


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    def saved(figures: dict[str, Figure]) -> dict[str, bytes]:
        for name, figure in figures.items():
            save(figure, tmp_path / f"{name}.png")
        return {name: (tmp_path / f"{name}.png").read_bytes() for name in figures}

    figures = all_charts(profiles_of(CLASSIC))
    first = saved(figures)
    assert first == saved(all_charts(profiles_of(CLASSIC)))
    assert first["elbow"] == saved({"elbow": figures["elbow"]})["elbow"], "of a figure saved twice"
    assert all(png.startswith(b"\x89PNG") and b"Software" not in png for png in first.values())


def test_matplotlib_settings_neither_change_charts_nor_are_changed(tmp_path: Path) -> None:
    save(elbow_chart(sweep_of(CLASSIC_WSSSE, 4), "Why."), tmp_path / "plain.png")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = dict(rcParams)
        try:
            rcParams.update({"font.size": 30, "axes.facecolor": "black", "lines.linewidth": 9})
            save(elbow_chart(sweep_of(CLASSIC_WSSSE, 4), "Why."), tmp_path / "dark.png")
            assert rcParams["font.size"] == 30
        finally:
            rcParams.update(before)
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "dark.png").read_bytes()


def test_charts_need_no_pyplot_and_no_cache_of_matplotlib(tmp_path: Path) -> None:
    """Where the cache cannot be written, matplotlib warns on import. We do not, and leave no folder behind."""
    program = (
        "import os, sys, segmentation.report.charts, matplotlib; "
        "assert os.path.dirname(matplotlib.get_cachedir()) == os.environ['TMPDIR']; "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    nowhere = {"HOME": "/dev/null", "XDG_CONFIG_HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"}
    variables = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**variables, **nowhere, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
