"""What a run warned of is kept for its report: plain, bounded, and gone with the run."""

import logging

from segmentation.progress import MOST_KEPT, warnings_kept

LOG = logging.getLogger("segmentation.ingest.files")


def test_warnings_are_kept_in_plain_characters_and_nothing_else_is():
    with warnings_kept() as kept:
        LOG.warning("%s is empty\x1b[2J", "s3a://user:c4nary@bucket/a.csv")
        LOG.info("12 lines")
        logging.getLogger("another").warning("not ours")
    LOG.warning("after the run")
    assert kept == [r"s3a://***@bucket/a.csv is empty\x1b[2J"]


def test_of_very_many_warnings_the_first_are_kept_and_the_others_counted():
    with warnings_kept() as kept:
        for number in range(MOST_KEPT + 1200):
            LOG.warning("file %d", number)
    assert len(kept) == MOST_KEPT + 1
    assert kept[-1] == "and 1,200 more, in the log"
