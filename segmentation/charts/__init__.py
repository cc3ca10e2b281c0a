"""Plain rows in, matplotlib figures out, in one style; `drawing` collects the rows and puts the files."""

import logging

# Where its cache cannot be written, matplotlib says so on import, and works from a temporary folder that it removes.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
