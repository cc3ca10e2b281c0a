"""Each stage of a run is one log line, numbered and timed; warnings are collected for the report."""

import logging
from collections.abc import Iterator

import pytest

from segmentation.progress import MOST_WARNINGS, Progress, collected_warnings

LOG = logging.getLogger("segmentation.ingest.files")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, logger="segmentation"):
        yield caplog


def without_seconds(line: str) -> str:
    text, _, seconds = line.rpartition(" (")
    assert seconds.endswith(" s)")
    assert float(seconds.removesuffix(" s)")) >= 0
    return text


def test_each_stage_is_one_numbered_line_with_what_it_found(log: pytest.LogCaptureFixture):
    progress = Progress(3)
    with progress.stage("Reading 100%s"):
        assert log.messages == []
        progress.note("1 file")
        progress.note("50% of %d files")
    with progress.stage("Cleaning"):
        pass
    lines = [without_seconds(line) for line in log.messages]
    assert lines == ["[1/3] Reading 100%s: 50% of %d files", "[2/3] Cleaning"]
    assert list(progress.seconds) == ["Reading 100%s", "Cleaning"]
    assert all(seconds >= 0 for seconds in progress.seconds.values())


def test_a_stage_that_fails_is_not_logged_as_done(log: pytest.LogCaptureFixture):
    progress = Progress(2)

    def fail() -> None:
        with progress.stage("Reading"):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert log.messages == []
    assert progress.seconds == {}


def test_a_stage_line_holds_no_secret_and_no_control_character(log: pytest.LogCaptureFixture):
    progress = Progress(1)
    with progress.stage("Reading"):
        progress.note("s3a://user:c4nary@bucket/a\x1b[2J\nb")
    assert [without_seconds(line) for line in log.messages] == [r"[1/1] Reading: s3a://***@bucket/a\x1b[2J\nb"]


# --- how much is done, and how long it will take


def progress_after(expected: dict[str, float], **seconds: float) -> Progress:
    """Return the progress of a run whose finished stages took these seconds."""
    progress = Progress(9)
    progress.expect(expected)
    progress.seconds.update({title.replace("_", " "): value for title, value in seconds.items()})
    return progress


LAST_RUN = {"Cleaning the lines": 10.0, "Naming the segments": 20.0, "Auditing": 10.0}


def test_the_time_left_is_that_of_the_last_run_at_the_pace_of_this_one():
    assert progress_after(LAST_RUN).outlook("Cleaning the lines", 5) == (pytest.approx(0.125), pytest.approx(35))
    twice_as_slow = progress_after(LAST_RUN, Cleaning_the_lines=20.0)
    assert twice_as_slow.outlook("Naming the segments", 10) == (pytest.approx(0.375), pytest.approx(50))


def test_a_stage_that_takes_longer_than_expected_stays_short_of_its_end_and_slows_the_estimate():
    share, left = progress_after(LAST_RUN).outlook("Cleaning the lines", 30)
    assert share == pytest.approx(0.25 * 0.95)
    assert left == pytest.approx(3 * 30)


def test_without_an_earlier_run_the_time_left_is_known_once_a_pace_is():
    progress = progress_after({}, Looking_at_the_input=0.1)
    assert progress.outlook("Cleaning the lines", 5)[1] is None
    progress = progress_after({}, Looking_at_the_input=0.5, Cleaning_the_lines=32.0)
    share, left = progress.outlook("Aggregating customers, countries and products", 0)
    assert share == pytest.approx(0.325)
    assert left == pytest.approx(67.5)


def test_stages_that_nobody_expects_have_no_estimate_and_divide_by_nothing():
    assert progress_after({"Brewing": 4.0}).outlook("Brewing", 5) == (0.0, None)
    assert progress_after({"Auditing": 0.0}).outlook("Auditing", 5)[0] == 0.0


def test_only_warnings_of_the_library_are_collected_in_plain_characters():
    with collected_warnings() as warnings:
        LOG.warning("%s is empty\x1b[2J", "s3a://user:c4nary@bucket/a.csv")
        LOG.info("12 lines")
        logging.getLogger("another").warning("not ours")
    LOG.warning("after the run")
    assert warnings == [r"s3a://***@bucket/a.csv is empty\x1b[2J"]


def test_of_very_many_warnings_the_first_are_collected_and_the_others_counted():
    with collected_warnings() as warnings:
        for number in range(MOST_WARNINGS + 1200):
            LOG.warning("file %d", number)
    assert len(warnings) == MOST_WARNINGS + 1
    assert warnings[-1] == "and 1,200 more, in the log"
