"""Customer segmentation for retail transaction lines on Spark: the library behind the jobs."""

__version__ = "0.1.0"
