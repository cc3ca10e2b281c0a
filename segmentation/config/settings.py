"""YAML → typed, validated, immutable settings; each stage is handed its own part."""

import json
import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from segmentation import schemas as s
from segmentation.errors import did_you_mean

# The names live in `schemas`: a feature or rule that is added there is known here.
if TYPE_CHECKING:
    Feature = str
    RuleName = str
else:
    Feature = Literal[*s.CLUSTERABLE_FEATURES]
    RuleName = Literal[*s.RULE_NAMES]
Scaler = Literal["standard", "robust", "min_max"]


def _regular_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"must be a regular expression, got {text!r}: {error}") from None
    return text


def _date_format(text: str) -> str:
    is_pattern = re.fullmatch(r"[yMdHhmsaS\[\] /.,:T'-]+", text) and all(letter in text for letter in "yMd")
    if text not in ("iso", "excel") and not is_pattern:
        raise ValueError(f"must be iso, excel or a pattern of year, month and day such as d.M.yyyy, got {text!r}")
    return text


# What a segment is called that has no other beside it.
ONE_SEGMENT = "All Customers"

Pattern = Annotated[str, Field(min_length=1), AfterValidator(_regular_expression)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
Score = Annotated[int, Field(ge=1, le=5)]


class Settings(BaseModel):
    """The root of every part: frozen, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())


class CsvSettings(Settings):
    """How text files are split into fields."""

    delimiter: Literal["auto"] | Annotated[str, Field(min_length=1, max_length=1, pattern=r"[^\"\r\n]")] = "auto"
    encoding: Literal["auto", "utf-8", "iso-8859-1"] = "auto"
    multiline: bool = True


ColumnName = Annotated[str, Field(min_length=1)]


class LineColumns(Settings):
    """For each field of a line the name of its column in the header."""

    invoice_no: ColumnName
    stock_code: ColumnName
    description: ColumnName
    quantity: ColumnName
    invoice_date: ColumnName
    unit_price: ColumnName
    customer_id: ColumnName
    country: ColumnName

    @property
    def by_field(self) -> dict[str, str]:
        """Field → column, in the order of the fields."""
        return self.model_dump()

    @model_validator(mode="after")
    def _names_differ(self) -> "LineColumns":
        names = list(self.by_field.values())
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            fields = " and ".join(field for field, name in self.by_field.items() if name == twice)
            raise ValueError(f"{fields} both name the column {twice!r}")
        return self


class InputSettings(Settings):
    """Where the eight fields are found, and in which kind of file."""

    columns: LineColumns
    format: Literal["auto", "csv", "parquet", "json", "xlsx"] = "auto"
    csv: CsvSettings = CsvSettings()
    sheets: Literal["all"] | tuple[str, ...] = "all"


class CleaningSettings(Settings):
    """Which lines are sales, in the order of the rules; any rule can be switched off but `malformed`."""

    date_formats: Annotated[tuple[DateFormat, ...], Field(min_length=1)]
    cancellation_prefixes: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] = ("C",)
    sale_invoice_pattern: Pattern = "^[0-9]"
    missing_customer_ids: tuple[str, ...] = ("nan", "null", "none", "n/a", "#n/a", "na", "<na>", "nat", "-")
    first_day: date | None = None
    switched_off: tuple[RuleName, ...] = ()

    @model_validator(mode="after")
    def _keeps_malformed(self) -> "CleaningSettings":
        if "malformed" in self.switched_off:
            raise ValueError("switched_off: the rule 'malformed' cannot be switched off: such lines have no values")
        return self


class ClusteredFeature(Settings):
    """One dimension of the clustering: a feature, its transform, its limits and its scaling, in that order."""

    feature: Feature
    transform: Literal["none", "log1p"] = "none"
    winsorise: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(gt=0, le=1)]] | None = None
    scale: Scaler = "standard"

    @model_validator(mode="after")
    def _limits_ascend(self) -> "ClusteredFeature":
        if self.winsorise and self.winsorise[0] >= self.winsorise[1]:
            raise ValueError(f"winsorise: the lower quantile must be below the upper, got {list(self.winsorise)!r}")
        return self


class ClusteringSettings(Settings):
    """What is clustered, for which k, and how k is chosen."""

    features: Annotated[tuple[ClusteredFeature, ...], Field(min_length=1)]
    k: Annotated[int, Field(ge=2, le=50)] | Literal["auto", "silhouette"] = "auto"
    k_min: Annotated[int, Field(ge=1)] = 1
    k_max: Annotated[int, Field(ge=2, le=50)] = 10
    seed: Annotated[int, Field(ge=0, lt=2**53)] = 1
    restarts: Literal["auto"] | Annotated[int, Field(ge=1, le=100)] = "auto"
    max_iterations: Annotated[int, Field(ge=1, le=10_000)] = 100
    tolerance: Annotated[float, Field(gt=0, le=1)] = 1e-4
    seeding_sample: Annotated[int, Field(ge=100, le=100_000)] = 10_000
    parallel_fits: Annotated[int, Field(ge=1, le=64)] = 4

    @property
    def largest_k(self) -> int:
        """The end of the sweep: a k set by hand beyond `k_max` is tried too."""
        return max(self.k_max, self.k) if isinstance(self.k, int) else self.k_max

    @property
    def smallest_k(self) -> int:
        """The first k that is fitted; k = 1 needs no fit."""
        return max(2, min(self.k_min, self.k) if isinstance(self.k, int) else self.k_min)

    @model_validator(mode="after")
    def _range_ascends(self) -> "ClusteringSettings":
        if self.k_min > self.k_max:
            raise ValueError(f"k_min must be at most k_max = {self.k_max}, got {self.k_min}")
        names = [clustered.feature for clustered in self.features]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"features: {twice[0]!r} is listed twice")
        return self


class NamingRule(Settings):
    """A segment's name, and the scores (1 worst … 5 best) that its centre must have, each as [lowest, highest]."""

    name: Annotated[str, Field(pattern="^[^,]+$")]  # what follows a comma tells segments of one name apart
    when: dict[Feature, tuple[Score, Score]] = {}

    @model_validator(mode="after")
    def _ranges_ascend(self) -> "NamingRule":
        for feature, (low, high) in self.when.items():
            if low > high:
                raise ValueError(f"when.{feature} must be [lowest, highest], got [{low}, {high}]")
        return self


class NamingSettings(Settings):
    """How segments get their names: by levels of spend and frequency, or by rules over scores."""

    scheme: Literal["levels", "rules"] = "levels"
    rules: tuple[NamingRule, ...] = ()

    @model_validator(mode="after")
    def _rules_end_in_a_fallback(self) -> "NamingSettings":
        if self.scheme == "levels" and self.rules:
            raise ValueError("rules: are given, but scheme is 'levels': set naming.scheme to 'rules'")
        if self.scheme == "rules" and (not self.rules or self.rules[-1].when):
            raise ValueError("rules must end in one without 'when', for the segments that no other rule fits")
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"rules: the name {twice[0]!r} is given twice")
        return self


class RollupSettings(Settings):
    """What counts as merchandise in the product tables, against postage, fees and samples."""

    merchandise_pattern: Pattern = "^[0-9]{5}"


class ChartSettings(Settings):
    """How money is shown, and how many customers a scatter plot draws at most."""

    currency: str = ""
    customers_drawn: Annotated[int, Field(ge=100, le=50_000)] = 5_000


class ReportSettings(Settings):
    """What the report suggests to do with a segment, by the segment's name; there are defaults for known names."""

    suggestions: dict[Annotated[str, Field(min_length=1)], str] = {}


Fraction = Annotated[float, Field(ge=0, le=1)]
Change = Annotated[float, Field(ge=0)]


class QualityGates(Settings):
    """What a run must keep to be published; None does not ask. Changes are against the newest run until this as_of."""

    max_rejected_share: Fraction | None = None
    min_customers: Annotated[int, Field(ge=0)] | None = None
    max_segment_share: Fraction | None = None
    max_rows_change: Change | None = None
    max_revenue_change: Change | None = None
    max_segment_share_change: Fraction | None = None

    @property
    def compare(self) -> bool:
        """Whether any gate looks at the previous run."""
        changes = (self.max_rows_change, self.max_revenue_change, self.max_segment_share_change)
        return any(limit is not None for limit in changes)


class RunConfig(Settings):
    """All that a run depends on beside its input; the same for the same YAML and overrides."""

    title: str = "Customer segments"
    input: InputSettings
    cleaning: CleaningSettings
    clustering: ClusteringSettings
    naming: NamingSettings = NamingSettings()
    rollups: RollupSettings = RollupSettings()
    charts: ChartSettings = ChartSettings()
    report: ReportSettings = ReportSettings()
    quality_gates: QualityGates = QualityGates()

    @model_validator(mode="after")
    def _rules_use_what_is_clustered(self) -> "RunConfig":
        known = {one.feature for one in self.clustering.features} | {s.TOTAL_SPEND, s.PURCHASE_FREQUENCY}
        for rule in self.naming.rules:
            for feature in rule.when:
                if feature not in known:
                    raise ValueError(f"naming.rules: {rule.name!r} asks for {feature}, which is not clustered")
        return self

    @model_validator(mode="after")
    def _suggestions_are_for_names_that_rules_give(self) -> "RunConfig":
        names = [rule.name for rule in self.naming.rules]
        if self.naming.scheme == "rules":
            for name in self.report.suggestions:
                if name.partition(",")[0] not in (*names, ONE_SEGMENT):
                    hint = did_you_mean(name, names)
                    raise ValueError(f"report.suggestions: no rule of naming.rules gives the name {name!r}{hint}")
        return self

    def canonical(self) -> str:
        """The configuration as one line of JSON with sorted keys: equal settings give equal text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
