"""What a scoring job says of the customers that it wrote, counted while they are written."""

import logging
from operator import itemgetter
from typing import Final

from pyspark.sql import Observation
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.clustering.drift import USUAL_SHARE, are_many
from segmentation.errors import counted
from segmentation.published_model import ScoredCustomers
from segmentation.redaction import shown

logger = logging.getLogger(__name__)

UNUSUAL: Final = "unusual"


class Figures:
    """Count the customers of each segment as `rows` are written, without an action of its own."""

    def __init__(self, scored: ScoredCustomers) -> None:
        self._scored = scored
        self._names = {**scored.model.names, s.RETURNED_EVERYTHING_ID: s.RETURNED_EVERYTHING}
        of_segments = [F.count_if(F.col(s.SEGMENT_ID) == number).alias(str(number)) for number in self._names]
        unusual = F.count_if(s.IS_ANOMALY).alias(UNUSUAL)
        self._observed = Observation()
        self.rows = scored.rows.observe(self._observed, F.count(F.lit(1)).alias(s.CUSTOMERS), unusual, *of_segments)

    def warn_of_unusual(self) -> None:
        """Warn where the model no longer fits, as a run would fit another one."""
        found = self._observed.get
        if are_many(found[UNUSUAL], found[s.CUSTOMERS]):
            logger.warning(
                "%s of %s are unusual, farther from their centre than %.0f%% of those that the model was fitted on: it "
                "may no longer fit. Run segment_customers.py, which fits a new one where that is so",
                *(f"{found[UNUSUAL]:,}", counted(found[s.CUSTOMERS], "customer"), 100 * USUAL_SHARE),
            )

    def summary(self, path: str) -> str:
        """Return the customers of each segment, and where their rows are."""
        found, scored = self._observed.get, self._scored
        sizes = [(found[str(number)], name) for number, name in self._names.items() if found[str(number)]]
        lines = [
            f"{counted(found[s.CUSTOMERS], 'customer')} as of {scored.as_of}, by the model of run {scored.run.run_id} "
            f"({scored.run.manifest.get('title')}), fitted as of {scored.model.fitted_as_of}:",
            *[f"{size:>11,}  {name}" for size, name in sorted(sizes, key=itemgetter(0), reverse=True)],
            f"{found[UNUSUAL]:,} of them are unusual (is_anomaly).",
            f"Written to {path}, for you alone to read.",
        ]
        return "\n".join(map(shown, lines))
