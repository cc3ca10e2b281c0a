"""The report for people: charts as PNG, and one HTML page, from a run's published rows."""

import logging

# matplotlib warns on import where its cache cannot be written, although it works from a temporary folder.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
