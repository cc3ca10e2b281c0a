"""Statuses that an export writes in the first line of an order only."""

from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from segmentation import schemas as s
from segmentation.cleaning.order_status import (
    is_once_per_order,
    marks_of_orders,
    status_facts,
    statuses_of_orders,
    unsold_orders,
    with_status_of_orders,
)
from segmentation.cleaning.rules import judge_each_line
from segmentation.config.settings import RunConfig
from tests.segmentation.cleaning.lines import AS_OF, line, parsed_with_statuses

COLUMNS = {
    "invoice_no": "Name",
    "customer_id": "Email",
    "invoice_date": "Day",
    "quantity": "Qty",
    "unit_price": "Price",
}
CONFIG = RunConfig.model_validate(
    {
        "input": {"columns": {**COLUMNS, "line_status": "Financial Status"}},
        "cleaning": {"date_formats": ("iso", "M/d/yyyy[ H:mm[:ss]]")},
    }
)


def test_a_status_in_the_first_line_holds_for_its_order(spark: SparkSession, caplog: pytest.LogCaptureFixture) -> None:
    statuses = {
        "1": ("voided", "", None),
        "2": ("paid", ""),
        "3": ("voided", "paid", ""),  # statuses of lines: no order is unsold
        "4": ("paid",),
    }
    lines = [
        (line(invoice_no=number, stock_code=f"{number}-{place}", customer_id=number), status)
        for number, of_order in statuses.items()
        for place, status in enumerate(of_order)
    ]
    parsed = parsed_with_statuses(spark, lines, CONFIG.cleaning).cache()
    of_orders = statuses_of_orders(parsed, CONFIG.cleaning, s.IS_NO_SALE)
    [facts] = status_facts(of_orders).collect()
    assert facts.asDict() == {"orders": 4, "without_status": 0, "unsold": 1, "lines": 2, "revenue": Decimal("30.60")}
    assert is_once_per_order(facts, CONFIG, s.IS_NO_SALE)
    assert caplog.messages[0].startswith("'Financial Status' is blank in 2 lines with 30.60, of 1 order whose other")
    by_day = CONFIG.cleaning.model_copy(update={"order_key": "invoice_day_customer"})
    for cleaning in (CONFIG.cleaning, by_day):
        unsold = unsold_orders(statuses_of_orders(parsed, cleaning, s.IS_NO_SALE))
        whole = with_status_of_orders(parsed, unsold, cleaning, s.IS_NO_SALE, "broadcast")
        judged = judge_each_line(whole, cleaning, AS_OF)
        rejected = judged.where("reasons = array('adjustment')").select("stock_code").collect()
        assert sorted(row[0] for row in rejected) == ["1-0", "1-1", "1-2", "3-0"]
    parsed.unpersist()


def test_a_type_in_the_first_line_makes_all_of_an_order_a_return(
    spark: SparkSession, caplog: pytest.LogCaptureFixture
) -> None:
    cleaning = CONFIG.cleaning.model_copy(update={"returns": ("type",)})
    columns = CONFIG.input.columns.model_copy(update={"line_status": None, "line_type": "Kind"})
    config = CONFIG.model_copy(update={"input": CONFIG.input.model_copy(update={"columns": columns})})
    assert marks_of_orders(config) == [s.IS_REFUND]
    types = (("1", "Refund"), ("1", ""), ("1", None), ("2", "Sale"), ("2", ""))
    lines = [(line(invoice_no=number, stock_code=str(place)), text) for place, (number, text) in enumerate(types)]
    parsed = parsed_with_statuses(spark, lines, cleaning, s.LINE_TYPE)
    of_orders = statuses_of_orders(parsed, cleaning, s.IS_REFUND)
    [facts] = status_facts(of_orders).collect()
    assert is_once_per_order(facts, config, s.IS_REFUND)
    assert caplog.messages[0].startswith("'Kind' is blank in 2 lines with 30.60, of 1 order whose other lines are ret")
    whole = with_status_of_orders(parsed, unsold_orders(of_orders), cleaning, s.IS_REFUND, "broadcast")
    judged = judge_each_line(whole, cleaning, AS_OF).where("array_contains(reasons, 'cancellation')")
    assert judged.select("invoice_no", "amount_e4", "quantity_e4").collect() == [("1", -153_000, -60_000)] * 3


def test_a_blank_is_a_sale_where_most_orders_have_no_status(
    spark: SparkSession, caplog: pytest.LogCaptureFixture
) -> None:
    [facts] = spark.sql("SELECT 9 orders, 1 without_status, 2 unsold, 3 lines, 4.5 revenue").collect()
    assert not is_once_per_order(facts, CONFIG, s.IS_NO_SALE)
    assert "'Financial Status' is blank in 3 lines with 4.50, of 2 orders" in caplog.messages[0]
    assert "they count as sales, as 1 of 9 orders have none at all" in caplog.messages[0]


def test_orders_are_looked_at_only_where_a_status_can_reject_them() -> None:
    off = CONFIG.cleaning.model_copy(update={"switched_off": ("adjustment",)})
    plain = CONFIG.input.columns.model_copy(update={"line_status": None})
    assert marks_of_orders(CONFIG) == [s.IS_NO_SALE]
    assert marks_of_orders(CONFIG.model_copy(update={"cleaning": off})) == []
    without = CONFIG.input.model_copy(update={"columns": plain})
    assert marks_of_orders(CONFIG.model_copy(update={"input": without})) == []
