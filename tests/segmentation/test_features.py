"""Customer features: every figure checked by hand, and the same in any order of the lines."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.features import baskets_of, customer_features, order_sums, orders_of
from segmentation.returns import lines_of_returned_products, money_taken_back
from tests.segmentation import naive_returns
from tests.segmentation.cleaning.lines import with_copies, with_ten_thousandths
from tests.segmentation.naive_returns import match, net_figures

AS_OF = date(2011, 12, 10)
LINES = (
    "customer_id string, invoice_no string, stock_code string, country string, quantity int, "
    "invoice_date timestamp_ntz, amount decimal(18,4), unit_price decimal(22,8)"
)
Line = tuple[str, str, str, str, int, str, str]


def lines(spark: SparkSession, *rows: Line) -> DataFrame:
    """Clean lines or returns: customer, invoice, stock code, country, quantity, moment, amount."""
    typed = [(*row[:5], datetime.fromisoformat(row[5]), Decimal(row[6]), Decimal(row[6]) / row[4]) for row in rows]
    return with_ten_thousandths(spark.createDataFrame(typed, LINES))


def features_of(sales: DataFrame, returned: DataFrame, as_of: date) -> DataFrame:
    sold = with_copies(sales)
    taken_back = money_taken_back(sold, lines_of_returned_products(sold, returned))
    return customer_features(orders_of(order_sums(sold), taken_back), baskets_of(sold, taken_back), returned, as_of)


def test_no_sales_give_no_customers_in_the_declared_schema(spark: SparkSession):
    nothing = features_of(lines(spark), lines(spark), AS_OF)
    assert nothing.count() == 0
    assert s.schema_differences(nothing.schema, s.CUSTOMER_FEATURES) == []


def generated(rows: int, sign: int, seed: int) -> list[Line]:
    """Lines of 40 customers with several countries, repeated products and many-line invoices."""
    random = np.random.default_rng(seed)
    result = []
    for _ in range(rows):
        customer, invoice = random.integers(40), random.integers(4)
        moment = datetime(2011, 1, 1) + pd.Timedelta(days=int(customer * 3 + invoice * 7), hours=int(invoice))
        result.append(
            (
                str(customer),
                f"{'C' if sign < 0 else ''}{customer * 10 + invoice}",
                f"P{random.integers(12)}",
                str(random.choice(["France", "Spain", "Austria"])),
                sign * int(random.integers(1, 50)),
                moment.isoformat(),
                str(sign * Decimal(int(random.integers(1, 900_000))) / 10_000),
            )
        )
    return result


# The sales and returns of each test below.
LINES_OF_TESTS: dict[str, tuple[list[Line], list[Line]]] = {
    "every feature": (
        [
            ("1", "500", "A", "France", 2, "2011-11-01 09:00", "10.0000"),
            ("1", "500", "B", "France", 3, "2011-11-01 09:00", "4.5000"),
            ("1", "501", "A", "Spain", 1, "2011-11-20 18:30", "5.0000"),
            ("1", "502", "A", "France", 6, "2011-12-09 12:50", "0.5001"),
            ("2", "503", "C", "Spain", 3, "2011-12-01 23:59", "5.3456"),
            ("2", "503", "C", "Spain", 4, "2011-11-30 23:58", "7.0000"),
        ],
        [
            ("1", "C510", "A", "France", -1, "2011-11-02 09:00", "-4.0000"),
            ("1", "C511", "B", "France", -2, "2011-11-03 09:00", "-1.0000"),
            ("1", "C512", "A", "France", -6, "2011-12-09 13:00", "-0.5001"),
        ],
    ),
    "country": (
        [
            ("1", "1", "A", "France", 1, "2011-01-01", "3.0000"),
            ("1", "1", "B", "France", 1, "2011-01-01", "3.0000"),
            ("1", "1", "C", "France", 1, "2011-01-01", "3.0000"),
            ("1", "2", "A", "Spain", 1, "2011-01-02", "9.0001"),
            ("2", "3", "A", "Spain", 1, "2011-01-02", "4.0000"),
            ("2", "4", "A", "Austria", 1, "2011-01-02", "1.0000"),
            ("2", "4", "A", "Austria", 1, "2011-01-02", "3.0000"),
        ],
        [],
    ),
    "days": (
        [
            ("1", "1", "A", "France", 1, "2011-09-08 23:59:59", "1.0000"),
            ("1", "2", "A", "France", 1, "2011-09-18 00:00:01", "1.0000"),
        ],
        [],
    ),
    "money": (
        [
            ("1", "1", "A", "France", 1, "2011-01-01", "8.0000"),
            ("2", "2", "A", "France", 1, "2011-01-01", "0.0000"),
            *[("3", amount, "A", "France", 1, "2011-01-01", amount) for amount in ("90071992547409.0001", "0.0002")],
        ],
        [
            ("1", "C1", "A", "France", -2, "2011-01-02", "-12.0000"),
            ("9", "C2", "A", "France", -2, "2011-01-02", "-50.0000"),
        ],
    ),
    "orders": (
        [
            ("1", "1", "A", "France", 1, "2011-01-01", "8.0000"),
            ("1", "1", "A", "Spain", 1, "2011-01-01", "9.0000"),
            ("1", "2", "B", "Spain", 2, "2011-01-05", "9.0000"),
            ("2", "3", "B", "Spain", 2, "2011-01-05", "9.0000"),
        ],
        [
            ("1", "3", "A", "Spain", -1, "2011-02-01", "-8.0000"),
            ("1", "4", "B", "Spain", -2, "2011-02-01", "-9.0000"),
            ("2", "5", "B", "Spain", -1, "2011-02-01", "-4.5000"),
            ("2", "6", "B", "Spain", -1, "2011-02-02", "-4.5000"),
        ],
    ),
    "pandas": (generated(400, 1, seed=4), generated(60, -1, seed=5)),
}
Computed = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def computed(spark: SparkSession) -> Computed:
    """The features of the customers of each test, by customer. One job answers all: customers are independent."""
    of_sales, of_returns = (
        [(f"{test}/{line[0]}", *line[1:]) for test, both in LINES_OF_TESTS.items() for line in both[number]]
        for number in (0, 1)
    )
    # In any order and any partitions.
    sales = lines(spark, *of_sales).orderBy(F.rand(3)).repartition(3)
    rows = features_of(sales, lines(spark, *of_returns).orderBy(F.rand(4)).repartition(2), AS_OF).collect()
    result: Computed = {test: [] for test in LINES_OF_TESTS}
    for row in sorted(rows, key=lambda row: row.customer_id):
        test, _, customer = row.customer_id.partition("/")
        result[test].append({**row.asDict(), "customer_id": customer})
    return result


def features(customers: Sequence[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in ("customer_id", *columns)) for row in customers]


def test_every_feature_of_a_regular_and_a_one_time_customer(computed: Computed):
    assert features(computed["every feature"], *s.CUSTOMER_FEATURES.names[1:]) == [
        (
            # 1 of 2 units of A for 4 instead of 5, 2 of 3 units of B for 1 instead of 3, and all of the last order.
            *("1", Decimal("20.0001"), Decimal("14.5000"), 3, 2, 1, 20, 39),
            *(Decimal("6.6667"), 4.0, Decimal(12), 2, 19.0),
            *(datetime(2011, 11, 1, 9), datetime(2011, 12, 9, 12, 50), "France"),
            *(Decimal("5.5001"), Decimal("5.5001"), Decimal("0.0000"), 5.5001 / 20.0001),
        ),
        (
            *("2", Decimal("12.3456"), Decimal("12.3456"), 1, 1, 9, 9, 10),
            *(Decimal("12.3456"), 7.0, Decimal(7), 1, None),
            *(datetime(2011, 11, 30, 23, 58), datetime(2011, 12, 1, 23, 59), "Spain"),
            *(Decimal("0.0000"), Decimal("0.0000"), Decimal("0.0000"), 0.0),
        ),
    ]


def test_the_country_is_where_most_was_spent(computed: Computed):
    assert features(computed["country"], "country") == [("1", "Spain"), ("2", "Austria")]


def test_recency_and_tenure_are_whole_days_before_as_of(computed: Computed):
    assert features(computed["days"], "recency_days", "tenure_days") == [("1", 83, 93)]


def test_returns_may_exceed_spend_spend_may_be_zero_and_money_stays_exact(computed: Computed):
    columns = ("returned_matched", "returned_unmatched", "return_rate", "total_spend", "net_orders", "net_recency_days")
    money = Decimal
    assert features(computed["money"], *columns) == [
        # Two units came back at 6 of one bought at 8: 6 stay taken, and what is left of the order is 2.
        ("1", money("6.0000"), money("6.0000"), 0.75, money("8.0000"), 1, 343),
        ("2", money("0.0000"), money("0.0000"), 0.0, money("0.0000"), 1, 343),
        ("3", money("0.0000"), money("0.0000"), 0.0, money("90071992547409.0003"), 2, 343),
    ]


def test_an_order_counts_where_anything_of_it_stayed_in_any_country(computed: Computed):
    assert features(computed["orders"], "net_spend", "net_orders", "net_recency_days") == [
        ("1", Decimal("9.0000"), 1, 343),
        ("2", Decimal("0.0000"), 0, None),
    ]


def naive_line(line: Line) -> naive_returns.Line:
    customer, invoice, product, country, units, moment, amount = line
    price = (Decimal(amount) / units).quantize(Decimal("1e-8"), ROUND_HALF_UP)
    return naive_returns.Line(
        *(customer, invoice, product, country, datetime.fromisoformat(moment), price, units, Decimal(amount))
    )


def by_pandas(sales: Sequence[Line], cancellations: Sequence[Line]) -> dict[str, dict[str, Any]]:
    """The features from their definitions alone."""
    columns = ["customer", "invoice", "stock", "country", "quantity", "moment", "amount"]
    bought = pd.DataFrame(sales, columns=columns).assign(
        moment=lambda frame: pd.to_datetime(frame.moment), amount=lambda frame: frame.amount.map(Decimal)
    )
    back = pd.DataFrame(cancellations, columns=columns).assign(amount=lambda frame: frame.amount.map(Decimal))
    nets = net_figures(match(map(naive_line, [*sales, *cancellations])))
    result = {}
    for customer, own in bought.groupby("customer"):
        spent = sum(own.amount)
        orders = own.invoice.nunique()
        by_country = {country: sum(group.amount) for country, group in own.groupby("country")}
        days = (own.moment.max().date() - own.moment.min().date()).days
        returned = -sum(back[back.customer == customer].amount, Decimal(0))
        net = nets[customer]
        result[customer] = {
            "total_spend": spent,
            "purchase_frequency": orders,
            "recency_days": (AS_OF - own.moment.max().date()).days,
            "tenure_days": (AS_OF - own.moment.min().date()).days,
            "average_order_value": (spent / orders).quantize(Decimal("0.0001"), ROUND_HALF_UP),
            "average_basket_units": pytest.approx(own.quantity.sum() / orders),
            "units_bought": int(own.quantity.sum()),
            "distinct_products": own.stock.nunique(),
            "average_days_between_orders": pytest.approx(days / (orders - 1)) if orders > 1 else None,
            "first_purchase_at": own.moment.min().to_pydatetime(),
            "last_purchase_at": own.moment.max().to_pydatetime(),
            "country": min(by_country, key=lambda country: (-by_country[country], country)),
            "returned_amount": returned,
            "returned_matched": net.returned_matched,
            "returned_unmatched": returned - net.returned_matched,
            "return_rate": pytest.approx(float(net.returned_matched / spent)),
            "net_spend": spent - net.returned_matched,
            "net_orders": net.net_orders,
            "net_recency_days": net.last_kept and (AS_OF - net.last_kept.date()).days,
        }
    return result


def test_several_hundred_lines_in_any_order_match_pandas(computed: Computed):
    sales, cancellations = LINES_OF_TESTS["pandas"]
    rows = computed["pandas"]
    found = {row["customer_id"]: {name: row[name] for name in row if name != "customer_id"} for row in rows}
    assert len(rows) == len(found) == len({line[0] for line in sales})
    assert found == by_pandas(sales, cancellations)
