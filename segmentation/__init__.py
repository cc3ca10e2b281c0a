"""Customer segmentation for retail transaction lines on Spark: the library behind the jobs."""

import logging

__version__ = "0.1.0"

# Where its cache cannot be written, matplotlib says so on import, and works from a temporary folder that it removes.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
