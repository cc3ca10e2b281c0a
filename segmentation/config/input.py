"""The keys of the input and of its cleaning: where the fields of a line are, and which lines are sales."""

from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, model_validator

from segmentation import schemas as s
from segmentation.config.base import NonEmpty, RuleName, Settings, first_repeated
from segmentation.config.engine import DateFormat, Day, Delimiter, Pattern
from segmentation.config.words import NO_SALE_STATUSES, NOBODY, RETURN_TYPES, TOTALS
from segmentation.errors import did_you_mean

ReturnSign = Literal["prefix", "negative_quantity", "type"]
DecimalMark = Literal["auto", "point", "comma"]


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
        description='20013.0, 20013,0, \'20013 and ="20013" are 20013; e-mail addresses are compared in small letters',
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
    totals: tuple[NonEmpty, ...] = Field(
        TOTALS,
        description="customers, invoices and stock codes of lines that add up others, in any letter case: adjustments",
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
