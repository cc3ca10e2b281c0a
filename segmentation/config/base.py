"""The base of every section of the configuration, and the types that sections share."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from segmentation import schemas as s

# The name of the only segment, where all customers are in one.
ONE_SEGMENT = "All Customers"

# The names live in `schemas`: a feature or rule that is added there is known here.
if TYPE_CHECKING:
    Feature = str
    RuleName = str
else:
    Feature = Literal[*s.CLUSTERABLE_FEATURES]
    RuleName = Literal[*s.RULE_NAMES]

NonEmpty = Annotated[str, Field(min_length=1)]
Score = Annotated[int, Field(ge=1, le=5)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Change = Annotated[float, Field(ge=0)]


class Settings(BaseModel):
    """The base of every section: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=())


def first_repeated(names: Iterable[str]) -> str | None:
    """Return the first of the names that is there twice."""
    return next((name for name, count in Counter(names).items() if count > 1), None)
