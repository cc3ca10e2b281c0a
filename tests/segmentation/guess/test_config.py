"""A configuration is guessed for files without one, explained, and refused where it would be wrong."""

import json
import logging
import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segmentation import schemas as s
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError
from segmentation.guess.config import GuessError, guess_config
from segmentation.guess.unread import unread_marks
from tests.segmentation.guess.guessed_files import HEADER, csv, guessed, rows, text_of


def assert_guessed_from_header(config: RunConfig) -> None:
    assert tuple(config.input.columns.by_field.values()) == HEADER
    assert config.cleaning.date_formats == ("iso", "d/M/yyyy[ H:mm[:ss]]")


# --- several files ---


def test_files_may_differ_in_kind_and_in_further_columns(tmp_path: Path):
    csv(tmp_path, "a.csv")
    csv(tmp_path, "b.csv", text_of([(*line, "x") for line in rows()], ";", [*HEADER, "Unit Price"]))
    (tmp_path / "c.jsonl").write_text(
        "".join(json.dumps(dict(zip(HEADER, line, strict=True))) + "\n" for line in rows())
    )
    assert_guessed_from_header(guessed(str(tmp_path)))
    assert_guessed_from_header(guessed(str(tmp_path / "*.csv"), str(tmp_path / "{c,d}.jsonl")))


def test_folders_name_a_column_that_the_files_lack_and_no_other(tmp_path: Path):
    lines = [line[:7] for line in rows()]
    for country in ("France", "EIRE"):
        folder = tmp_path / f"Country={country}" / "date=2010-12-31"
        folder.mkdir(parents=True)
        csv(folder, "a.csv", text_of(lines, header=HEADER[:7]))
        (folder / "b.jsonl").write_text(
            "".join(json.dumps(dict(zip(HEADER, line, strict=False))) + "\n" for line in lines)
        )
        pq.write_table(
            pa.Table.from_pylist([dict(zip(HEADER, line, strict=False)) for line in lines]), folder / "c.parquet"
        )
    csv(tmp_path, "d.csv", text_of([(*line, "x") for line in rows()], ";", [*HEADER, "Unit Price"]))
    assert_guessed_from_header(guessed(str(tmp_path)))


def test_json_files_may_omit_a_key_that_others_have(tmp_path: Path):
    lines = [dict(zip(HEADER, line, strict=True)) for line in rows()]
    without_customer = [{key: value for key, value in line.items() if key != HEADER[6]} for line in lines]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in without_customer))
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert_guessed_from_header(guessed(str(tmp_path)))


def test_files_that_differ_are_named_with_their_columns(tmp_path: Path):
    csv(tmp_path, "a.csv")
    csv(tmp_path, "b.csv", text_of(rows(), header=["InvoiceNo", *HEADER[1:]]))
    with pytest.raises(
        GuessError, match=r"differ: invoice_no seems to be in \S*a\.csv 'Order ID', in \S*b\.csv 'InvoiceNo'"
    ):
        guess_config([str(tmp_path)], ())


# --- dates ---


def test_an_assumed_order_of_dates_comes_with_the_set_to_swap_it(tmp_path: Path):
    path = csv(tmp_path, text=text_of(rows(3)))
    config, explanation = guess_config([path], ())
    assert config.cleaning.date_formats == ("iso", "M/d/yyyy[ H:mm[:ss]]")
    [line] = [line for line in explanation if "wrong?" in line]
    [_, option, override] = shlex.split(line)  # as a shell reads what is pasted
    assert option == "--set"
    assert guessed(path, overrides=[override]).cleaning.date_formats == ("iso", "d/M/yyyy[ H:mm[:ss]]")


def test_all_formats_of_one_separator_are_swapped_together(tmp_path: Path):
    lines = [*rows(3), *rows(3, written="%d/%m/%Y %I:%M %p"), *rows(3, written="%d/%b/%Y")]
    path = csv(tmp_path, text=text_of(lines))
    config, explanation = guess_config([path], ())
    assert [one[:4] for one in config.cleaning.date_formats] == ["iso", "M/d/", "M/d/", "d/MM"]
    [line] = [line for line in explanation if "wrong?" in line]
    changed = guessed(path, overrides=[shlex.split(line)[2]])
    assert [one[:4] for one in changed.cleaning.date_formats] == ["iso", "d/M/", "d/M/", "d/MM"]


# --- messages ---


def test_the_guess_is_logged_field_by_field(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "segmentation"):
        guess_config([csv(tmp_path, text=text_of(rows(), header=[*HEADER[:6], "Client", "Contry"]))], ())
    assert f"Guessed from {tmp_path}/lines.csv:" in caplog.messages
    for field, column in (("invoice_no", "Order ID"), ("customer_id", "Client  (a name it may have)")):
        assert any(line.split() == [field, "<-", *column.split()] for line in caplog.messages)
    assert any("country" in line and "(nearly a usual name)" in line for line in caplog.messages)
    assert any("--write-config FILE" in line for line in caplog.messages)


def test_a_missing_field_is_reported_below_the_known_part(tmp_path: Path):
    header = ["Order ID", "Transaction ID", "Product Name", "Qty", "Order Date", "x", "Customer ID", "Country"]
    path = csv(tmp_path, text=text_of(rows(), header=header))
    with pytest.raises(GuessError) as refused:
        guess_config([path], ())
    message = str(refused.value)
    assert "invoice_no may be 'Order ID' or 'Transaction ID'" in message
    assert "unit_price is not there" in message
    assert "stock_code" not in message
    assert f"Found: {', '.join(header)}" in message
    assert "--set 'input.columns.invoice_no=COLUMN'" in message
    assert refused.value.exit_code == 3
    assert "  quantity      <- Qty" in refused.value.before


def test_set_completes_the_guess(tmp_path: Path):
    header = [*HEADER[:5], "Paid", *HEADER[6:]]
    config = guessed(
        csv(tmp_path, text=text_of(rows(), header=header)),
        overrides=["input.columns.unit_price=Paid", "clustering.k=3", "cleaning.date_formats=[d/M/yyyy H:mm]"],
    )
    assert (config.input.columns.unit_price, config.clustering.k) == ("Paid", 3)
    assert config.cleaning.date_formats == ("d/M/yyyy H:mm",)


def test_every_missing_field_is_named_with_the_set_to_paste(tmp_path: Path):
    header = ["Order ID", "Code", "Product Name", "Qty", "Order Date", "y", "Buyer ID", "x"]
    path = csv(tmp_path, text=text_of(rows(), header=header))
    with pytest.raises(GuessError) as refused:
        guess_config([path], ["input.columns.stock_code=Cod", "input.columns.customer_id=buyer_id"])
    message = str(refused.value)
    assert "stock_code is 'Cod', which is not there: did you mean 'Code'?; " in message
    assert "customer_id is 'buyer_id', which is not there: did you mean 'Buyer ID'?" in message
    assert "unit_price is not there; " in message
    missing = ("stock_code", "unit_price", "customer_id")
    settings = [f"'input.columns.{field}=COLUMN'" for field in missing]
    assert f"Set what is missing by --set {' '.join(settings)}, or give a configuration" in message
    with pytest.raises(GuessError, match=r"did you mean 'Country'\? Found: "):
        guess_config([csv(tmp_path)], ["input.columns.country=Contry"])


def test_an_export_of_shopify_needs_no_change(tmp_path: Path):
    header = ["Name", "Lineitem sku", "Lineitem name", "Lineitem quantity", "Created at", "Lineitem price", "Email"]
    lines = [(*line, "paid") for line in rows(invoice="#{}", written="%Y-%m-%d %H:%M:%S +0200")]
    text = text_of(lines, header=[*header, "Billing Country", "Financial Status"])
    config, explanation = guess_config([csv(tmp_path, text=text)], ())
    assert tuple(config.input.columns.by_field.values()) == (*header, "Billing Country")
    assert (config.cleaning.date_formats, config.cleaning.sale_invoice_pattern) == (("iso",), "^.")
    assert any(
        line.startswith("  country       <- Billing Country  (as Shopify exports it: often only")
        for line in explanation
    )


def test_what_a_file_does_not_have_is_said_in_a_line_each(tmp_path: Path):
    lines = [(line[4], line[6], line[5]) for line in rows()]
    path = csv(tmp_path, text=text_of(lines, header=["Order Date", "Customer ID", "Amount (EUR)"]))
    config, explanation = guess_config([path], ())
    assert config.input.columns.by_field == {
        "invoice_date": "Order Date",
        "customer_id": "Customer ID",
        "amount": "Amount (EUR)",
    }
    assert config.charts.currency == "€"
    for field, consequence in s.MISSING_FIELDS.items():
        assert f"  {field:<13} is not there: {consequence}" in explanation


@pytest.mark.parametrize("left", ["Customer ID", "Order Date", "Price"])
def test_a_customer_a_date_and_money_are_needed(left: str, tmp_path: Path):
    kept = [index for index, name in enumerate(HEADER) if name != left]
    lines = [[line[index] for index in kept] for line in rows()]
    path = csv(tmp_path, text=text_of(lines, header=[HEADER[index] for index in kept]))
    with pytest.raises(GuessError, match=r"is not there.*Found: .*Needed are a customer, a date and money") as refused:
        guess_config([path], ())
    assert refused.value.exit_code == 3


def test_a_field_that_some_files_have_is_a_difference(tmp_path: Path):
    csv(tmp_path, "a.csv")
    csv(tmp_path, "b.csv", text_of([line[:-1] for line in rows()], header=HEADER[:-1]))
    with pytest.raises(GuessError, match=r"differ: country seems to be in \S*a\.csv 'Country', in \S*b\.csv 'none'"):
        guess_config([str(tmp_path)], ())
    config = guessed(str(tmp_path), overrides=["input.columns.country=null"])
    assert "country" not in config.input.columns.by_field


def test_the_money_of_an_order_in_each_of_its_lines_is_refused(tmp_path: Path):
    header = [*HEADER[:5], "Total", *HEADER[6:]]
    order = [(*line[:5], f"{10 + number // 2}.50", *line[6:]) for number, line in enumerate(rows())]
    repeated = [(f"{1 + number // 2}", *line[1:]) for number, line in enumerate(order)]
    path = csv(tmp_path, text=text_of(repeated, header=header))
    with pytest.raises(GuessError, match="'Total' is the same in all lines of an order in 20 of 20 orders"):
        guess_config([path], ())
    assert guessed(path, overrides=["input.columns.amount=Total"]).input.columns.amount == "Total"
    assert guessed(csv(tmp_path, text=text_of(order, header=header))).input.columns.amount == "Total"


def test_a_line_of_data_instead_of_a_header_is_not_shown(tmp_path: Path):
    path = csv(tmp_path, text=text_of(rows(), header=["536365", "85123A", "MUG", "2", "x", "2.55", "Jane Doe", "EIRE"]))
    with pytest.raises(GuessError, match="8 fields, none of them named like a column: put a header above") as refused:
        guess_config([path], ())
    assert "Jane" not in f"{refused.value} {refused.value.before}"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Price": "free"}, r"column 'Price' \(for unit_price\) holds no numbers as in 2\.55 or 1,234\.50: set input"),
        ({"Price": "1,234"}, r"in 'Qty' and 'Price', '1,234' may be thousands .*--set input\.decimal=point, .*=comma"),
        ({"Price": "2,55", "Qty": "1.000"}, r"in 'Qty', '1\.000' may be thousands .*input\.decimal=point"),
        ({"Price": "2.55", "Qty": "1,000"}, r"in 'Qty', '1,000' may be thousands"),
        ({"Price": "15.000", "Qty": "1.5"}, r"in 'Price', '15\.000' may be thousands"),
        ({"Price": "2,55", "Qty": "1.0"}, r"in two ways, '2,55' in 'Price' of \S+ and '1\.0' in 'Qty' of \S+, and no"),
        ({"Qty": "two"}, r"column 'Qty' \(for quantity\) holds no numbers"),
        ({"Order Date": "soon"}, r"column 'Order Date' holds no dates in a known format"),
    ],
)
def test_a_column_with_values_of_another_kind_is_refused(fields: dict[str, str], message: str, tmp_path: Path):
    with pytest.raises(GuessError, match=message):
        guess_config([csv(tmp_path, text=text_of(rows(**fields), ";"))], ())


def test_the_decimal_mark_is_guessed_and_said(tmp_path: Path):
    lines = [*rows(8, Price="2,5"), *rows(2, Price="3"), *rows(2, Price="1.234")]
    config, explanation = guess_config([csv(tmp_path, text=text_of(lines, ";"))], ())
    assert config.input.decimal == "comma"
    assert "  input.decimal: comma (1 different value such as '2,5')" in explanation
    assert guessed(csv(tmp_path, text=text_of(rows(Price="$2.55")))).input.decimal == "auto"
    config, explanation = guess_config([csv(tmp_path, text=text_of(rows(Price="1.234")))], ())
    assert config.input.decimal == "auto"
    assert "    wrong? --set input.decimal=comma" in explanation
    path = csv(tmp_path, text=text_of(rows(Price="1,234"), ";"))
    assert guessed(path, overrides=["input.decimal=comma"]).input.decimal == "comma"


@pytest.mark.parametrize(
    ("mixed", "message"),
    [
        (
            {"Price": ["€2.55", "$2.55"]},
            r"'Price' is written in several currencies: EUR \(20 lines\), USD \(20 lines\)",
        ),
        ({"Price": ["2.55 EUR", "usd 2.55"]}, r"several currencies: EUR \(20 lines\), USD"),
        ({"Price": ["R$ 2,55", "$2,55"]}, r"several currencies: BRL \(20 lines\), USD"),
        ({"Price": ["15.000", "950"]}, r"in 'Price', '15\.000' may be thousands"),
        (
            {"Order Date": ["1 cze 2024", "1 mar 2024"]},
            r"'Order Date' holds dates .* only 50%.*as '1 cze 2024'.*English",
        ),
    ],
)
def test_values_of_two_kinds_in_one_column_are_refused(mixed: dict[str, list[str]], message: str, tmp_path: Path):
    [(column, texts)] = mixed.items()
    text = text_of([*rows(20, **{column: texts[0]}), *rows(20, **{column: texts[1]})], ";")
    with pytest.raises(GuessError, match=message):
        guess_config([csv(tmp_path, text=text)], ())


def test_files_with_different_decimal_marks_are_named(tmp_path: Path):
    paths = [csv(tmp_path, f"{mark}.csv", text_of(rows(Price=f"2{mark}55"), ";")) for mark in ",."]
    with pytest.raises(
        GuessError, match=r"'2\.55' in 'Price' of \S+/\.\.csv and|'2,55' in 'Price' of \S+/,\.csv"
    ) as refused:
        guess_config(paths, ())
    assert "run the files apart" in str(refused.value)


@pytest.mark.parametrize(
    ("quantities", "price", "decimal"),
    [
        (["1", "12", "1.200"], "2,55", "comma"),
        (["0,450", "1,000"], "2,55", "comma"),
        (["1.000", "2.000"], "2.55", "auto"),
        (["1.000", "2.000"], "2.250", "auto"),
        (["1,5"], "15.000", "comma"),
    ],
)
def test_a_decimal_mark_that_all_columns_bear_out_is_taken(
    quantities: list[str], price: str, decimal: str, tmp_path: Path
):
    lines = [line for quantity in quantities for line in rows(20, Qty=quantity, Price=price)]
    assert guessed(csv(tmp_path, text=text_of(lines, ";"))).input.decimal == decimal


def test_a_misspelt_key_is_reported_before_any_file_is_opened():
    with pytest.raises(ConfigError, match=r"guessed with --set clustering\.kmax=4: .* did you mean 'k_max'\?"):
        guess_config(["/nowhere/at/all.csv"], ["clustering.kmax=4"])


@pytest.mark.parametrize(
    ("blank", "code", "description"),
    [("SKU", "Product Name", None), ("SKU Product Name", None, "Product Name"), ("Country", "SKU", "Product Name")],
)
def test_a_column_of_codes_with_blanks_is_none(blank: str, code: str | None, description: str | None, tmp_path: Path):
    lines = [*rows(30), *rows(9, **{name: "" for name in HEADER if name in blank})]
    columns = guessed(csv(tmp_path, text=text_of(lines))).input.columns
    assert (columns.stock_code, columns.description) == (code, description)


@pytest.mark.parametrize("days", [40, 12])  # of days up to 12 alone, their distance shows the order
def test_files_with_two_orders_of_day_and_month_are_refused(days: int, tmp_path: Path):
    first = csv(tmp_path, "a.csv", text_of(rows(days)))
    other = csv(tmp_path, "b.csv", text_of(rows(written="%m/%d/%Y %H:%M")))
    with pytest.raises(GuessError) as refused:
        guessed(first, other)
    assert f"{first} has the day first, as in '" in str(refused.value)
    assert f"{other} the month first, as in '12/13/2010 08:26'" in str(refused.value)
    config = guessed(first, other, overrides=["cleaning.date_formats=[d/M/yyyy H:mm]"])
    [caution] = unread_marks([first, other], config)
    assert caution.startswith(f"in 'Order Date', {first} has the day first")
