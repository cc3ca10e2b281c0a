"""The sections `model` and `features`: whether a published model scores the customers, and which lines count."""

from typing import Annotated, Literal

from pydantic import Field

from segmentation.config.base import Fraction, Settings


class ModelSettings(Settings):
    """When the model of the run before scores the customers, and when a new one is fitted."""

    refit: Literal["auto", "always", "never"] = Field(
        "auto",
        description="auto (the model of the run before scores the customers until it is too old or they drifted), "
        "always (each run fits a new one), never",
    )
    max_age_days: int = Field(90, description="auto fits anew if the model was fitted as of more days before", ge=0)
    max_refit_moves: Fraction = Field(
        0.05,
        description="auto keeps the model if a new one would move more than this share of the customers without a new "
        "line",
    )


class FeatureSettings(Settings):
    """Which lines the features of customers are made of."""

    window_days: Annotated[int, Field(ge=1)] | None = Field(
        None, description="only lines of so many days before as_of count, for example 365; earlier ones are rejected"
    )
