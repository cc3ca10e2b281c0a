"""Every configuration key with its type, default and description, validated and immutable.

To add a key: a field here, a row in conf/README.md. `--write-config` writes the description as the key's comment.
"""

import json
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, model_validator

from segmentation import schemas as s
from segmentation.config.base import (
    ONE_SEGMENT,
    Change,
    Feature,
    Fraction,
    NonEmpty,
    RuleName,
    Settings,
    first_repeated,
)
from segmentation.config.engine import DateFormat, Day, Delimiter, Pattern
from segmentation.config.naming import ALL_WORDS, NamingSettings
from segmentation.config.rfm import RfmSettings
from segmentation.config.words import NO_SALE_STATUSES, NOBODY, RETURN_TYPES
from segmentation.errors import did_you_mean

__all__ = ["ONE_SEGMENT"]  # for those who look for it next to the settings
ReturnSign = Literal["prefix", "negative_quantity", "type"]
DecimalMark = Literal["auto", "point", "comma"]
Scaler = Literal["standard", "robust", "min_max"]


def _time_zone(name: str) -> str:
    known = available_timezones()
    if known and name not in known:
        raise ValueError(
            f"must be the name of a time zone, such as Europe/London, got {name!r}{did_you_mean(name, sorted(known))}"
        )
    return name


TimeZone = Annotated[str, AfterValidator(_time_zone)]


class CsvSettings(Settings):
    """How text files are split into fields."""

    delimiter: Literal["auto"] | Delimiter = Field("auto", description="auto tries comma, semicolon, tab and bar")
    encoding: Literal["auto", "utf-8", "iso-8859-1"] = Field("auto", description="auto, utf-8 or iso-8859-1")
    escape: Literal["auto", "quote", "backslash"] = Field(
        "auto", description="what stands before a quote inside quotes; auto looks at the beginning of each file"
    )
    multiline: bool = Field(True, description="fields may hold line ends; false lets Spark split large plain files")


class LineColumns(Settings):
    """For each field of a line, the name of its column in the header; None where the input does not have it.

    Needed are a customer, a date and money: quantity and unit_price, or the amount of the line.
    """

    invoice_no: NonEmpty | None = None
    stock_code: NonEmpty | None = None
    description: NonEmpty | None = None
    quantity: NonEmpty | None = None
    invoice_date: NonEmpty
    unit_price: NonEmpty | None = None
    customer_id: NonEmpty
    country: NonEmpty | None = None
    amount: NonEmpty | None = None
    line_type: NonEmpty | None = None
    line_status: NonEmpty | None = None
    currency: NonEmpty | None = None

    @property
    def by_field(self) -> dict[str, str]:
        """Field → column, in the order of the fields, of those that the input has."""
        return self.model_dump(exclude_none=True)

    @model_validator(mode="after")
    def _holds_money_once(self) -> "LineColumns":
        if self.amount is not None and self.unit_price is not None:
            raise ValueError(
                "amount must not be set where unit_price is: leave out unit_price to count the amount of the line, or "
                "amount to count quantity times unit_price"
            )
        if self.amount is None and (self.quantity is None or self.unit_price is None):
            lacking = " and ".join(name for name in ("quantity", "unit_price") if getattr(self, name) is None)
            raise ValueError(
                f"{lacking} must be set, or amount, the money of the line, in place of unit_price: a line needs money"
            )
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> "LineColumns":
        repeated = first_repeated(self.by_field.values())
        if repeated is not None:
            fields = " and ".join(field for field, name in self.by_field.items() if name == repeated)
            raise ValueError(f"{fields} both name the column {repeated!r}")
        return self


class InputSettings(Settings):
    """Where the fields of a line are, and in which kind of file."""

    columns: LineColumns = Field(description="our name: the name in the file's header, or null where it has none")
    format: Literal["auto", "csv", "parquet", "json", "xlsx"] = Field(
        "auto", description="auto, csv, parquet, json or xlsx"
    )
    csv: CsvSettings = CsvSettings()
    decimal: DecimalMark = Field(
        "auto",
        description="of numbers in text: point (1,234.50), comma (1.234,50), or auto: as point, but 1,234 may be both "
        "and is malformed",
    )
    time_zone: TimeZone | None = Field(
        None, description="of the shop, such as Europe/London, to which instants (Z, UTC, since 1970) are moved"
    )
    sheets: Literal["all"] | tuple[str, ...] = Field("all", description="all, or a list of a workbook's sheets")


class CleaningSettings(Settings):
    """Which lines are sales. Any rule can be switched off but `malformed`."""

    date_formats: tuple[DateFormat, ...] = Field(
        description="tried in this order: iso, excel (day numbers), epoch_seconds and others, Spark datetime patterns",
        min_length=1,
    )
    cancellation_prefixes: tuple[NonEmpty, ...] = Field(
        ("C",), description="how the invoice numbers of cancellations begin", min_length=1
    )
    sale_invoice_pattern: Pattern = Field(
        "^[0-9]", description="regular expression of a sale's invoice number; others are adjustments"
    )
    missing_customer_ids: tuple[str, ...] = Field(
        NOBODY,
        description="words that mean no customer, as a blank does, in any letter case and in brackets",
    )
    numbers_of_nobody: bool = Field(
        True,
        description="0, -1 and 9999… are no customer where they have ten times the orders of the median customer",
    )
    normalise_ids: bool = Field(
        True,
        description='20013.0, \'20013 and ="20013" are 20013; e-mail addresses are compared in small letters',
    )
    normalise_text: bool = Field(
        True, description="customers and countries that differ in accents, spaces or letter case as typed are one"
    )
    order_key: Literal["invoice", "invoice_day_customer"] = Field(
        "invoice", description="what an order is: an invoice number, or with it a day and a customer, where it restarts"
    )
    returns: tuple[ReturnSign, ...] = Field(
        ("prefix", "negative_quantity"),
        description="what marks a return: prefix (of a cancellation), negative_quantity (on a sale's invoice), type",
    )
    return_types: tuple[NonEmpty, ...] = Field(
        RETURN_TYPES, description="for type: the words of input.columns.line_type that mean a return", min_length=1
    )
    no_sale_statuses: tuple[NonEmpty, ...] = Field(
        NO_SALE_STATUSES,
        description="the words of input.columns.line_status that mean neither a sale nor a return: an adjustment",
        min_length=1,
    )
    currency: NonEmpty | None = Field(
        None, description="with input.columns.currency: the code that counts, for example GBP; others are adjustments"
    )
    first_day: Day | None = Field(None, description="lines before it are out of period, for example 2011-01-01")
    switched_off: tuple[RuleName, ...] = Field((), description="rules that are not applied, for example [duplicate]")

    @model_validator(mode="after")
    def _keeps_malformed(self) -> "CleaningSettings":
        if s.MALFORMED in self.switched_off:
            raise ValueError("switched_off: the rule 'malformed' cannot be switched off: such lines have no values")
        return self


class ClusteredFeature(Settings):
    """One dimension of the clustering: a feature, transformed, winsorised and scaled in that order."""

    feature: Feature
    transform: Literal["none", "log1p"] = "none"
    winsorise: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(gt=0, le=1)]] | None = None
    scale: Scaler = "standard"

    @model_validator(mode="after")
    def _limits_ascend(self) -> "ClusteredFeature":
        if self.winsorise and self.winsorise[0] >= self.winsorise[1]:
            raise ValueError(f"winsorise: the lower quantile must be below the upper, got {list(self.winsorise)!r}")
        return self


# Spend and orders have long tails: on their logarithms a step is a multiple, not an amount.
DEFAULT_FEATURES = (
    ClusteredFeature(feature=s.NET_SPEND, transform="log1p"),
    ClusteredFeature(feature=s.NET_ORDERS, transform="log1p"),
)


class ClusteringSettings(Settings):
    """What is clustered, for which k, and how k is chosen."""

    features: tuple[ClusteredFeature, ...] = Field(
        DEFAULT_FEATURES,
        description="transform: none, log1p; winsorise: quantiles; scale: standard, robust, min_max",
        min_length=1,
    )
    k: Annotated[int, Field(ge=2, le=50)] | Literal["auto", "elbow", "silhouette"] = Field(
        "auto",
        description="auto (segments that come back when customers are drawn anew), elbow, silhouette, or a number from "
        "2 to 50",
    )
    k_min: int = Field(1, description="the smallest number of segments tried", ge=1)
    k_max: int = Field(10, description="the largest number of segments tried", ge=2, le=50)
    seed: int = Field(1, description="of every random choice", ge=0, lt=2**53)
    restarts: Literal["auto"] | Annotated[int, Field(ge=1, le=100)] = Field(
        "auto", description="fits for each k; auto is 1, from searched centres"
    )
    max_iterations: int = Field(100, description="a fit stops after this many iterations", ge=1, le=10_000)
    tolerance: float = Field(1e-4, description="or when no centre moves further than this", gt=0, le=1)
    seeding_sample: int = Field(
        10_000, description="above this many customers, each k is fitted on a sample of 40,000", ge=100, le=100_000
    )
    parallel_fits: int = Field(4, description="fits that run at the same time", ge=1, le=64)
    stable_jaccard: Fraction = Field(
        0.75,
        description="a segment comes back when its mean Jaccard similarity to that of resamples is surely at least "
        "this, by 1.645 standard errors "
        "(Hennig, 2007: below 0.6 not to be trusted, from 0.75 valid, from 0.85 highly stable)",
    )
    min_share: Fraction = Field(0.01, description="of the customers; a smaller segment counts as not stable")
    silhouette_share: Fraction = Field(
        0.9, description="auto prefers more segments down to this share of the best silhouette"
    )
    natural_within: float = Field(
        0.8,
        description="segments are natural if the squared distances within them are at most this share of those of "
        "customers without groups (an effect size in the manner of the gap statistic, Tibshirani et al., 2001)",
        gt=0,
        le=1,
    )
    natural_valley: float = Field(
        0.75,
        description="or if between any two segments the density of customers surely falls to this share of the lower "
        "peak (the ridgeline ratio of Hennig, 2010)",
        gt=0,
        le=1,
    )
    resamples: int = Field(
        20, description="bootstrap resamples, from each of which every k is fitted afresh", ge=2, le=1_000
    )
    stability_sample: int = Field(
        4_000, description="at most this many customers judge whether segments come back", ge=100, le=20_000
    )

    @property
    def largest_k(self) -> int:
        """The last k of the sweep, which includes a fixed k beyond `k_max`."""
        return max(self.k_max, self.k) if isinstance(self.k, int) else self.k_max

    @property
    def smallest_k(self) -> int:
        """The first k that is fitted; k = 1 needs no fit."""
        return max(2, min(self.k_min, self.k) if isinstance(self.k, int) else self.k_min)

    @model_validator(mode="after")
    def _range_ascends_and_features_differ(self) -> "ClusteringSettings":
        if self.k_min > self.k_max:
            raise ValueError(f"k_min must be at most k_max = {self.k_max}, got {self.k_min}")
        repeated = first_repeated(clustered.feature for clustered in self.features)
        if repeated is not None:
            raise ValueError(f"features: {repeated!r} is listed twice")
        return self


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

    enabled: bool = Field(True, description="write exports/<segment>.csv, readable by the owner only")


class LakeSettings(Settings):
    """Who may read what a run publishes."""

    sensitive_mode: Literal["owner", "group"] = Field(
        "owner", description="who may read rejected_transactions and exports: owner, or group (the owner's group)"
    )


class QualityGates(Settings):
    """The limits a run must stay within to be published; None sets none.

    Changes are against the newest run of the same title, as of the same day or earlier.
    """

    max_rejected_share: Fraction | None = Field(None, description="of the lines read, for example 0.10")
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

    title: str = Field("Customer segments", description="the run's name; quality gates compare runs of the same title")
    figures: Literal["net", "gross"] = Field(
        "net", description="net: what stayed after returns is scored, ranked and reported; gross: what was bought"
    )
    input: InputSettings = Field(description="where the fields of a line are")
    cleaning: CleaningSettings = Field(description="which lines are sales")
    clustering: ClusteringSettings = Field(
        ClusteringSettings(), description="what makes customers alike, and into how many segments they fall"
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

    def canonical(self) -> str:
        """Return the configuration as one line of JSON with sorted keys: equal settings give equal text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
