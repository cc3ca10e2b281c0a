"""Every configuration key with its type, default and description, validated and immutable.

Sections with many keys have modules of their own. To add a key: a field in its section, a row in conf/README.md.
`--write-config` writes the description as the key's comment.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from segmentation import schemas as s
from segmentation.config.base import ONE_SEGMENT, Change, Fraction, NonEmpty, Settings
from segmentation.config.clustering import ClusteredFeature, ClusteringSettings, Scaler
from segmentation.config.engine import Pattern
from segmentation.config.input import (
    CleaningSettings,
    CsvSettings,
    DecimalMark,
    InputSettings,
    LineColumns,
)
from segmentation.config.model import FeatureSettings, ModelSettings
from segmentation.config.naming import ALL_WORDS, NamingSettings
from segmentation.config.rfm import RfmSettings
from segmentation.errors import did_you_mean

# The settings of the whole run, with those of its sections that have modules of their own.
__all__ = [
    "ONE_SEGMENT",
    "ChartSettings",
    "CleaningSettings",
    "ClusteredFeature",
    "ClusteringSettings",
    "CsvSettings",
    "DecimalMark",
    "ExportSettings",
    "FeatureSettings",
    "InputSettings",
    "LakeSettings",
    "LineColumns",
    "ModelSettings",
    "QualityGates",
    "ReportSettings",
    "RollupSettings",
    "RunConfig",
    "Scaler",
]


class RollupSettings(Settings):
    """What counts as merchandise in the product tables, as opposed to postage, fees and samples."""

    merchandise_pattern: Pattern = Field(
        "^[0-9]{5}", description="regular expression of merchandise stock codes; others are postage or fees"
    )


class ChartSettings(Settings):
    """How money is shown, and how many customers the scatter plot draws."""

    currency: str = Field("", description="written before money")
    customers_drawn: int = Field(5_000, description="in the scatter plot, at most about this many", ge=100, le=50_000)


class ReportSettings(Settings):
    """The words of the report that a company may want to choose itself."""

    suggestions: dict[NonEmpty, str] = Field(
        {}, description="what the report suggests to do with a segment, by its name"
    )


class ExportSettings(Settings):
    """Whether a run writes the lists of customers for campaign tools."""

    enabled: bool = Field(True, description="write exports/<segment>.csv and changes.csv, readable by the owner only")


class LakeSettings(Settings):
    """Who may read what a run publishes."""

    sensitive_mode: Literal["owner", "group"] = Field(
        "owner", description="who may read rejected_transactions and exports: owner, or group (the owner's group)"
    )


class QualityGates(Settings):
    """The limits a run must stay within to be published; None sets none.

    Changes are against the newest run of the same title and rules, as of the same day or earlier.
    """

    max_rejected_share: Fraction | None = Field(
        None, description="of the lines read, but for those before the window, for example 0.10"
    )
    min_customers: Annotated[int, Field(ge=0)] | None = Field(None, description="for example 1000")
    max_segment_share: Fraction | None = Field(
        None, description="of the customers, in the largest segment, for example 0.97"
    )
    max_rows_change: Change | None = Field(None, description="against the run before, for example 0.25")
    max_revenue_change: Change | None = Field(None, description="against the run before, for example 0.25")
    max_segment_share_change: Fraction | None = Field(
        None, description="of any segment, in points of share, for example 0.05"
    )

    @property
    def compare(self) -> bool:
        """Whether any gate needs the previous run."""
        return (self.max_rows_change, self.max_revenue_change, self.max_segment_share_change) != (None, None, None)


class RunConfig(Settings):
    """All settings that a run depends on; equal for equal YAML and overrides."""

    title: str = Field(
        "Customer segments", description="the run's name; runs of one title and the same rules follow each other"
    )
    figures: Literal["net", "gross"] = Field(
        "net", description="net: what stayed after returns is scored, ranked and reported; gross: what was bought"
    )
    input: InputSettings = Field(description="where the fields of a line are")
    cleaning: CleaningSettings = Field(description="which lines are sales")
    features: FeatureSettings = Field(FeatureSettings(), description="which lines make a customer's figures")
    clustering: ClusteringSettings = Field(
        ClusteringSettings(), description="what makes customers alike, and into how many segments they fall"
    )
    model: ModelSettings = Field(
        ModelSettings(), description="when the model of the run before scores the customers, and when one is fitted"
    )
    rfm: RfmSettings = Field(RfmSettings(), description="the scores of each customer, and the rules that name it")
    naming: NamingSettings = Field(NamingSettings(), description="how segments get their names")
    rollups: RollupSettings = RollupSettings()
    charts: ChartSettings = ChartSettings()
    report: ReportSettings = ReportSettings()
    exports: ExportSettings = Field(ExportSettings(), description="lists of customers for campaign tools")
    lake: LakeSettings = Field(LakeSettings(), description="who may read what is published")
    quality_gates: QualityGates = Field(
        QualityGates(), description="a run beyond these limits is not published; null sets no limit"
    )

    @model_validator(mode="after")
    def _clusters_what_the_input_has(self) -> "RunConfig":
        features = [clustered.feature for clustered in self.clustering.features]
        for net, gross in zip(vars(s.NET).values(), vars(s.GROSS).values(), strict=True):
            if net in features and self.figures == "gross":
                raise ValueError(f"clustering.features: {net} is a net figure, and figures is gross: take {gross}")
        if s.DISTINCT_PRODUCTS in features and self.input.columns.stock_code is None:
            raise ValueError(
                f"clustering.features: {s.DISTINCT_PRODUCTS} needs stock codes: set input.columns.stock_code, or "
                "cluster by other features"
            )
        return self

    @model_validator(mode="after")
    def _returns_by_type_have_a_column(self) -> "RunConfig":
        has_column, is_used = self.input.columns.line_type is not None, "type" in self.cleaning.returns
        if is_used and not has_column:
            raise ValueError("cleaning.returns: type needs the column with the type: set input.columns.line_type")
        if has_column and not is_used:
            raise ValueError("input.columns.line_type: set where cleaning.returns does not list type: add it there")
        return self

    @model_validator(mode="after")
    def _says_which_currency_counts(self) -> "RunConfig":
        has_column, is_set = self.input.columns.currency is not None, self.cleaning.currency is not None
        if is_set and not has_column:
            raise ValueError("cleaning.currency: needs the column with the currency: set input.columns.currency")
        if has_column and not is_set:
            raise ValueError("input.columns.currency: say which counts: set cleaning.currency, for example to GBP")
        return self

    @model_validator(mode="after")
    def _suggestions_are_for_names_that_occur(self) -> "RunConfig":
        rules = [*dict.fromkeys(rule.name for rule in self.rfm.rules), s.RETURNED_EVERYTHING, ONE_SEGMENT]
        for name in self.report.suggestions if self.naming.scheme == "rules" else ():
            if name.partition(",")[0] not in (*rules, *ALL_WORDS):
                hint = did_you_mean(name, rules)
                raise ValueError(f"report.suggestions: no rule of rfm.rules gives the name {name!r}{hint}")
        return self

    @property
    def input_fields(self) -> tuple[str, ...]:
        """The fields of a line that the input has."""
        return tuple(self.input.columns.by_field)

    @property
    def missing_fields(self) -> dict[str, str]:
        """The fields that the input does not have, each with what the run does without it."""
        return {field: text for field, text in s.MISSING_FIELDS.items() if field not in self.input_fields}

    @property
    def applied_cleaning(self) -> CleaningSettings:
        """The cleaning as it is applied to this input.

        Without an invoice number or a stock code, two equal lines may be two sales: the rule `duplicate` is off.
        """
        off = self.cleaning.switched_off
        if s.DUPLICATE in off or {s.INVOICE_NO, s.STOCK_CODE} <= {*self.input_fields}:
            return self.cleaning
        return self.cleaning.model_copy(update={"switched_off": (*off, s.DUPLICATE)})

    @property
    def basis(self) -> s.Figures:
        """The features that count as spend, orders and recency."""
        return s.NET if self.figures == "net" else s.GROSS

    @property
    def spend(self) -> str:
        """The feature that counts as a customer's spend."""
        return self.basis.spend

    @property
    def orders(self) -> str:
        """The feature that counts as a customer's number of orders."""
        return self.basis.orders

    @property
    def recency(self) -> str:
        """The feature that counts as the days since a customer's last order."""
        return self.basis.recency

    @property
    def revenue(self) -> str:
        """The column that counts as the revenue of segments, countries and products."""
        return s.NET_REVENUE if self.figures == "net" else s.REVENUE

    def settings_of_models(self) -> dict[str, Any]:
        """Return the settings that runs have in common whose models and segments can be compared.

        These are the title, what lines say, what is counted, cleaned and clustered, how k is chosen, and how customers
        are scored.
        """
        shared = self.model_dump(
            mode="json",
            include={
                **dict.fromkeys(("title", "figures", "features", "rfm"), True),
                "clustering": set(ClusteringSettings.model_fields) - {"parallel_fits"},
            },
        )
        fields = dict.fromkeys(sorted(self.input_fields), "mapped")
        return {**shared, "input": {"columns": fields}, "cleaning": self.applied_cleaning.model_dump(mode="json")}

    def canonical(self) -> str:
        """Return the configuration as one line of JSON with sorted keys: equal settings give equal text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
