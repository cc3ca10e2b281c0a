"""What a return takes back, by lists and loops from the rules' words alone: slow, and independent of the product.

As a program, it compares a published run with the transactions that it was made from, in the columns of Online Retail:
`python -m tests.segmentation.naive_returns LAKE/runs/run_id=… FILE.parquet`
"""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from math import isnan
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

CENT_OF_A_CENT = Decimal("0.0001")


@dataclass
class Line:
    """A sale (units and amount above 0) or a return (below), and what was taken of it, or placed, so far."""

    customer: str
    invoice: str
    product: str
    country: str
    moment: datetime
    price: Decimal
    units: Decimal
    amount: Decimal
    used: Decimal = Decimal(0)
    at_own_price: Decimal = Decimal(0)
    at_lower_price: Decimal = Decimal(0)
    is_whole: bool = False
    taken: Decimal = Decimal(0)  # the money taken back of a sale

    @property
    def key(self) -> tuple[object, ...]:
        """Its place among the lines and returns of the customer."""
        return (self.moment, self.invoice, self.product, self.price, self.units, self.country, abs(self.amount))

    @property
    def left(self) -> Decimal:
        return Decimal(0) if self.is_whole else abs(self.units) - self.used

    def money(self) -> Decimal:
        """The money of what was taken of a sale: all of it, or the units at the price of the return, rounded once."""
        if self.is_whole or self.at_own_price == self.units:
            return self.amount
        return min(rounded(self.at_own_price * self.price + self.at_lower_price), self.amount)


def rounded(money: Decimal) -> Decimal:
    return money.quantize(CENT_OF_A_CENT, ROUND_HALF_UP)


def match(lines: Iterable[Line]) -> list[Line]:
    """Match returns to sales, customer by customer, and return the lines with what was taken of them."""
    by_customer: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_customer[line.customer].append(line)
    for own in by_customer.values():
        own.sort(key=lambda line: line.key)
        sales = [line for line in own if line.units > 0]
        returns = [line for line in own if line.units < 0]
        for back in returns:
            take_units(back, [sale for sale in earlier(sales, back) if sale.price == back.price])
        for back in returns:
            take_line(back, earlier(sales, back))
        for back in returns:
            take_units(back, earlier(sales, back))
        # Rounded amounts of several sales may add up to a little more than those of the returns that took them.
        given_back = -sum((back.amount for back in returns), Decimal(0))
        for sale in sales:
            sale.taken = min(sale.money(), given_back)
            given_back -= sale.taken
    return [line for own in by_customer.values() for line in own]


def earlier(sales: list[Line], back: Line) -> list[Line]:
    """The sales before a return, the latest first."""
    return [sale for sale in reversed(sales) if sale.key < back.key]


def take_units(back: Line, sales: list[Line]) -> None:
    """Take the latest units of the same product, at the lower of both prices."""
    for sale in sales:
        if sale.product != back.product:
            continue
        units = min(sale.left, back.left)
        sale.used += units
        back.used += units
        if back.price < sale.price:
            sale.at_lower_price += units * back.price
        else:
            sale.at_own_price += units


def take_line(back: Line, sales: list[Line]) -> None:
    """Take the latest untouched line of exactly the amount that is left of the return."""
    if not back.left:
        return
    sought = -back.amount if not back.used else rounded(back.left * back.price)
    for sale in sales:
        if sale.used == 0 and not sale.is_whole and sale.amount == sought > 0:
            sale.is_whole = back.is_whole = True
            return


@dataclass
class Net:
    """What stayed of a customer's purchases."""

    total_spend: Decimal = Decimal(0)
    returned_matched: Decimal = Decimal(0)
    returned_amount: Decimal = Decimal(0)
    net_orders: int = 0
    last_kept: datetime | None = None

    @property
    def net_spend(self) -> Decimal:
        return self.total_spend - self.returned_matched


def net_figures(matched: Iterable[Line]) -> dict[str, Net]:
    """The figures of each customer with a sale, from the lines that `match` returns."""
    by_customer: defaultdict[str, list[Line]] = defaultdict(list)
    for line in matched:
        by_customer[line.customer].append(line)
    figures = {}
    for customer, own in by_customer.items():
        invoices: defaultdict[str, list[Line]] = defaultdict(list)
        for line in own:
            if line.units > 0:
                invoices[line.invoice].append(line)
        if not invoices:
            continue
        net = Net(returned_amount=-sum((line.amount for line in own if line.units < 0), Decimal(0)))
        for sales in invoices.values():
            bought, taken = sum(line.amount for line in sales), sum(line.taken for line in sales)
            net.total_spend += bought
            net.returned_matched += taken
            if bought > taken or not taken:
                net.net_orders += 1
                last = max(line.moment for line in sales)
                net.last_kept = max(last, net.last_kept or last)
        figures[customer] = net
    return figures


# The columns of Online Retail, and of Online Retail II where they differ.
COLUMNS = {"Invoice": "InvoiceNo", "Price": "UnitPrice", "Customer ID": "CustomerID"}


def lines_of_online_retail(path: Path) -> Iterator[Line]:
    """Yield the sales and returns of customers in a Parquet file, exact copies once."""
    seen = set()
    for row in pq.read_table(path).to_pylist():
        line = {COLUMNS.get(name, name): plain(value) for name, value in row.items()}
        if tuple(line.values()) in seen:
            continue
        seen.add(tuple(line.values()))
        invoice, units, price = str(line["InvoiceNo"]), Decimal(str(line["Quantity"])), Decimal(str(line["UnitPrice"]))
        amount = rounded(units * price)
        is_sale = invoice[0].isdigit() and units > 0 and price > 0
        is_return = (invoice[0].isdigit() or invoice.startswith("C")) and units < 0 and amount < 0
        if line["CustomerID"] and (is_sale or is_return):
            place = (str(line["CustomerID"]), invoice, str(line["StockCode"]), str(line["Country"]))
            yield Line(*place, datetime.fromisoformat(str(line["InvoiceDate"])), price, units, amount)


def plain(value: Any) -> Any:
    """A value as the product reads it: stripped text, and whole numbers without a fraction."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None if isnan(value) else value
    return value.strip() if isinstance(value, str) else value


def differences(run: Path, lines: Iterable[Line]) -> list[str]:
    """Compare net figures of customers in a published run with those of the lines."""
    expected = net_figures(match(lines))
    rows = {row["customer_id"]: row for row in pq.read_table(run / "customer_segments").to_pylist()}
    problems = [f"{customer} is in one of the two" for customer in sorted(rows.keys() ^ expected.keys())]
    for customer in sorted(rows.keys() & expected.keys()):
        row, net = rows[customer], expected[customer]
        recency = net.last_kept and (row["as_of"] - net.last_kept.date()).days
        for name, value in {
            "total_spend": net.total_spend,
            "net_spend": net.net_spend,
            "net_orders": net.net_orders,
            "net_recency_days": recency,
            "returned_matched": net.returned_matched,
            "returned_unmatched": net.returned_amount - net.returned_matched,
        }.items():
            if row[name] != value:
                problems.append(f"{name} of {customer} is {row[name]}, not {value}")
    return problems


if __name__ == "__main__":
    found = differences(Path(sys.argv[1]), lines_of_online_retail(Path(sys.argv[2])))
    sys.stdout.write("\n".join(found or ["equal"]) + "\n")
    sys.exit(bool(found))
