"""A generated shop of 120 customers; the outcome of each of its lines is known."""

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import xlsxwriter

HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
FIRST_MOMENT = datetime(2010, 12, 1, 8, 0)
DAYS = 373
IMPOSSIBLE = "2/30/2011 25:61"

Fields = tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """A line as it stands in the file, its outcome, and the money it counts for."""

    fields: Fields
    outcome: str
    amount: Decimal


@dataclass(frozen=True)
class SmallShop:
    """The lines in the order of the file, and figures that plain Python computes from them."""

    lines: tuple[Line, ...]

    @property
    def rows(self) -> dict[str, int]:
        return dict(Counter(line.outcome for line in self.lines))

    @property
    def revenue(self) -> dict[str, Decimal]:
        return _sums((line.outcome, line.amount) for line in self.lines)

    @property
    def spend(self) -> dict[str, Decimal]:
        """Spend by customer id, over the clean lines."""
        return _sums((customer_of(line), line.amount) for line in self.clean)

    @property
    def invoices(self) -> dict[str, int]:
        """Distinct invoices by customer id, over the clean lines."""
        seen: defaultdict[str, set[str]] = defaultdict(set)
        for line in self.clean:
            seen[customer_of(line)].add(line.fields[0])
        return {customer: len(invoices) for customer, invoices in seen.items()}

    @property
    def last_day(self) -> dict[str, datetime]:
        """The moment of the last purchase by customer id, over the clean lines."""
        last: dict[str, datetime] = {}
        for line in self.clean:
            moment, customer = moment_of(line), customer_of(line)
            last[customer] = max(moment, last.get(customer, moment))
        return last

    @property
    def clean(self) -> list[Line]:
        return [line for line in self.lines if line.outcome == "clean"]

    @property
    def texts(self) -> list[Fields]:
        return [line.fields for line in self.lines]


def customer_of(line: Line) -> str:
    return line.fields[6].strip().removesuffix(".0")


def moment_of(line: Line) -> datetime:
    return datetime.strptime(line.fields[4], "%m/%d/%Y %H:%M")


def make_small_shop(seed: int = 11, customers: int = 120) -> SmallShop:
    """Return about 3,000 lines: heavy-tailed spend, five countries, 40 products, guests and faults."""
    draw = random.Random(seed)
    products = [_product(draw, number) for number in range(40)]
    lines: list[Line] = []
    for number in range(customers):
        customer = str(12346 + number)
        written = f"{customer}.0" if number % 4 == 0 else f" {customer} " if number % 9 == 1 else customer
        country = {3: "France", 7: "Germany", 8: "EIRE"}.get(number % 10, "United Kingdom")
        largest = round(3 * min(draw.paretovariate(1.2), 60))
        for _ in range(min(40, int(draw.paretovariate(1.0)))):
            lines += _order(draw, products, 536_365 + len(lines), written, country, largest, "clean")
    lines += _order(draw, products, 599_999, "12346.0", "United Kingdom", 4, "clean", last=True)
    sold = list(lines)
    for number in range(100):
        lines += _order(draw, products, 700_000 + number, "", "Unspecified" if number % 30 == 0 else "EIRE", 4, "guest")
    guests = [line for line in lines if line.outcome == "guest"]
    lines += [_cancelled(line) for line in draw.sample(sold, 60)]
    lines += [Line(line.fields, "duplicate", line.amount) for line in draw.sample(sold, 25) + draw.sample(guests, 5)]
    lines += _dirt(draw.sample(sold, 12))
    draw.shuffle(lines)
    return SmallShop(tuple(lines))


def write_csv(rows: Iterable[Fields], path: Path, header: Sequence[str] = HEADER) -> Path:
    """Write the rows like the real file: ISO-8859-1, CRLF, quotes only where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="iso-8859-1", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_xlsx(rows: Iterable[Fields], path: Path) -> Path:
    """Write the rows like the real workbook, with numbers and dates where the text is one."""
    with xlsxwriter.Workbook(str(path), {"nan_inf_to_errors": False}) as workbook:
        sheet = workbook.add_worksheet("Online Retail")
        dates = workbook.add_format({"num_format": "m/d/yy h:mm"})
        sheet.write_row(0, 0, HEADER)
        for number, fields in enumerate(rows, start=1):
            for column, text in zip(range(len(fields)), fields, strict=True):
                if not text:
                    continue
                if column == 4 and text != IMPOSSIBLE:
                    sheet.write_datetime(number, column, datetime.strptime(text, "%m/%d/%Y %H:%M"), dates)
                elif column in (3, 5, 6) and _is_number(text):
                    sheet.write_number(number, column, float(text))
                else:
                    sheet.write_string(number, column, text)
    return path


def _product(draw: random.Random, number: int) -> tuple[str, str, Decimal]:
    code = "POST" if number == 39 else f"{84_000 + 7 * number}{'A' if number % 5 == 0 else ''}"
    names = (f"WHITE LANTERN {number}", f'HEART "HOME", RED {number}', f"CAFÉ MUG £{number}", f"TEA-TOWEL {number}")
    return code, names[number % 4], Decimal(draw.randint(29, 1295)) / 100


def _order(
    draw: random.Random,
    products: Sequence[tuple[str, str, Decimal]],
    invoice: int,
    customer: str,
    country: str,
    largest: int,
    outcome: str,
    last: bool = False,
) -> list[Line]:
    minutes = draw.randrange(0, 9 * 60)
    moment = FIRST_MOMENT + timedelta(days=DAYS if last else draw.randrange(DAYS), minutes=minutes)
    lines = []
    for code, name, price in draw.sample(products, draw.randint(1, 9)):
        quantity = draw.randint(1, max(2, largest))
        fields = (str(invoice), code, name, str(quantity), _written(moment), str(price), customer, country)
        lines.append(Line(fields, outcome, quantity * price))
    return lines


def _written(moment: datetime) -> str:
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour}:{moment:%M}"


def _cancelled(line: Line) -> Line:
    invoice, code, name, quantity, *rest = line.fields
    return Line((f"C{invoice}", code, name, f"-{quantity}", *rest), "cancellation", -line.amount)


def _dirt(sold: Sequence[Line]) -> list[Line]:
    """Return one line for each fault seen in the wild, made of good lines."""

    def changed(line: Line, outcome: str, counted: bool, **new: str) -> Line:
        fields = tuple(new.get(name, value) for name, value in zip(HEADER, line.fields, strict=True))
        return Line(fields, outcome, line.amount if counted else Decimal(0))

    it = iter(sold)
    refund = changed(next(it), "non_positive_quantity", True, InvoiceNo="800001", CustomerID="")
    return [
        changed(next(it), "malformed", False, Quantity="many"),
        changed(next(it), "malformed", False, UnitPrice="n/a"),
        changed(next(it), "malformed", False, UnitPrice="NaN"),
        changed(next(it), "malformed", False, UnitPrice="Infinity"),
        changed(next(it), "malformed", False, Quantity="99999999999"),
        changed(next(it), "malformed", True, InvoiceDate=IMPOSSIBLE),
        changed(next(it), "malformed", True, StockCode=" "),
        changed(next(it), "malformed", True, InvoiceNo=""),
        Line(next(it).fields[:4], "malformed", Decimal(0)),
        changed(next(it), "non_positive_price", False, InvoiceNo="800002", UnitPrice="0"),
        changed(next(it), "adjustment", True, InvoiceNo="A563185"),
        Line((*refund.fields[:3], f"-{refund.fields[3]}", *refund.fields[4:]), refund.outcome, -refund.amount),
    ]


def _is_number(text: str) -> bool:
    return text.strip().lstrip("-").replace(".", "", 1).isdigit()


def _sums(pairs: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for key, amount in pairs:
        sums[key] += amount
    return dict(sums)
