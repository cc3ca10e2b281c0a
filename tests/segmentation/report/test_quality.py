"""The waterfall adds up, and its example lines name no customer."""

from decimal import Decimal

import pytest

from segmentation.report.quality import masked_example, waterfall
from tests.segmentation.report.sample_report import CUSTOMER, example_line, quality_of


def test_the_waterfall_goes_from_lines_read_to_lines_used():
    first, *others = waterfall(quality_of(), [], "£")
    assert (first.label, first.lines, first.revenue) == ("Read", 541_909, "£812,864")
    assert [step.lines for step in others] == [0, 9288, 3, 1336, 1179, 0, 5226, 132_185, 392_692]
    assert others[-1].kind == "used"
    assert 'x="0"' in others[-1].bar
    assert [step.kind for step in others[:2]] == ["taken nothing", "taken"]


def test_the_rows_below_the_first_add_up_to_it():
    returned = {"rule": "cancellation", "rows": 2, "share": 0.2, "revenue": Decimal("-120")}
    used = {"rule": "clean", "rows": 8, "share": 0.8, "revenue": Decimal("1000")}
    steps = waterfall([returned, used], [], "£")
    assert [(step.lines, step.revenue) for step in steps] == [(10, "£880"), (2, "−£120"), (8, "£1,000")]


def test_money_that_is_not_known_is_no_zero():
    unknown = {"rule": "malformed", "rows": 3, "share": 0.3, "revenue": None, "rows_without_revenue": 3}
    partly = {"rule": "cancellation", "rows": 3, "share": 0.3, "revenue": Decimal(5), "rows_without_revenue": 1}
    _, first, second = waterfall([unknown, partly], [], "£")
    assert (first.revenue, second.revenue) == ("unknown of 3", "£5.00, unknown of 1")


def test_examples_stand_at_the_rule_that_rejected_them():
    unreadable = example_line("malformed", description="", quantity="", invoice_date="", unit_price="")
    steps = waterfall(quality_of(malformed=2), [unreadable, example_line("cancellation")], "£")
    assert {step.label: len(step.examples) for step in steps if step.examples} == {"Cancelled": 1}, "one has no fields"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            example_line("cancellation", description=f"FOR {CUSTOMER}, GIFT"),
            ("C53•••", "22423", "FOR •••, GIFT", "-1", "12/1/2010 9:41", "27.50", "•••", "United Kingdom"),
        ),
        (
            example_line("duplicate", customer_id="17850.0", description="17850.0, 17850"),
            ("C53•••", "22423", "•••, •••", "-1", "12/1/2010 9:41", "27.50", "•••", "United Kingdom"),
        ),
        (
            example_line("duplicate", customer_id="AB", description="AB in CAB"),
            ("C53•••", "22423", "••• in CAB", "-1", "12/1/2010 9:41", "27.50", "•••", "United Kingdom"),
        ),
        (  # a short number may be a quantity
            example_line("duplicate", customer_id="12", description="SET OF 12"),
            ("C53•••", "22423", "SET OF 12", "-1", "12/1/2010 9:41", "27.50", "•••", "United Kingdom"),
        ),
        (
            example_line("non_positive_price", customer_id=""),
            ("C53•••", "22423", "CAKESTAND", "-1", "12/1/2010 9:41", "27.50", "none", "United Kingdom"),
        ),
        (  # shifted columns: ids, names and addresses may be in any field
            example_line("malformed", customer_id="0.85", country="17851", unit_price="17852", quantity="many thanks"),
            ("C5•••", "22423", "CAKESTAND", "m••• t•••", "12/1/2010 9:41", "1•••", "•••", "•••"),
        ),
        (
            example_line("malformed", quantity="nan", description="anna@example.org 17850"),
            ("C5•••", "22423", "a••• •••", "nan", "12/1/2010 9:41", "27.50", "•••", "•••"),
        ),
    ],
)
def test_an_example_hides_its_customer_wherever_it_is_named(line: dict[str, str], expected: tuple[str, ...]):
    assert masked_example(line, line["reason"] == "malformed") == list(expected)


def test_a_long_text_of_an_example_is_cut():
    example = masked_example(example_line("duplicate", description="x" * 200), is_malformed=False)
    assert example is not None
    assert example[2] == "x" * 59 + "…"
