"""What a test of the run's log does in a Java of its own, started by spark-submit with conf/spark-local.conf."""

import logging
import sys
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from segmentation.cli.log import run_log
from segmentation.session import spark_session

# 12 MB of log in all, more than a run may leave.
MANY, LONG = 12_000, "x" * 1_000


def main(folder: Path) -> None:
    spark = spark_session("logs")
    till = spark._jvm.org.apache.logging.log4j.LogManager.getLogger("org.shop.Till")

    for level in ("WARN", "ERROR", "OFF"):
        with run_log(spark, folder / level, level) as log:
            assert log is not None
            till.warn(f"warned while {level} s3a://user:c4nary@bucket\x1b[2J")
            till.error(f"failed while {level}")
            till.info(f"no news while {level}")
            logging.getLogger("segmentation.test").warning("told by the job while %s", level)
            assert log.warnings == 2
    till.warn("warned after all")
    with run_log(spark, folder / "many", "OFF"):
        for _ in range(MANY):
            till.warn(LONG)
    blocked = folder / "a file" / "below"
    blocked.parent.write_text("mine")
    with run_log(spark, blocked, "OFF") as log:
        assert log is None
        till.warn("warned without a file")
    (folder / "full").mkdir()
    with (
        patch("segmentation.cli.log._new_file", return_value=Path("/dev/full")),
        run_log(spark, folder / "full", "OFF"),
    ):
        for _ in range(3):
            till.warn("warned on a full disk")
            logging.getLogger("segmentation.test").warning("told on a full disk")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
