"""Small files without a configuration, and the configuration guessed for them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from segmentation.config.settings import RunConfig
from segmentation.guess.config import guess_config

HEADER = ("Order ID", "SKU", "Product Name", "Qty", "Order Date", "Price", "Customer ID", "Country")
FIRST = datetime(2010, 12, 1, 8, 26)


def rows(count: int = 40, written: str = "%d/%m/%Y %H:%M", invoice: str = "{}", **fields: str) -> list[tuple[str, ...]]:
    made = []
    for number in range(count):
        day = (FIRST + timedelta(days=number)).strftime(written)
        line = dict(
            zip(HEADER, ("", "85123A", 'MUG, "BIG"', "2", day, "2.55", str(17850 + number % 7), "EIRE"), strict=True)
        )
        line["Order ID"] = invoice.format(536365 + number)
        made.append(tuple({**line, **fields}[name] for name in HEADER))
    return made


def text_of(lines: Sequence[Sequence[str]], delimiter: str = ",", header: Sequence[str] = HEADER) -> str:
    quoted = [
        [f'"{field.replace(chr(34), chr(34) * 2)}"' if '"' in field else field for field in line] for line in lines
    ]
    return "".join(delimiter.join(line) + "\r\n" for line in [list(header), *quoted])


def csv(folder: Path, name: str = "lines.csv", text: str | None = None) -> str:
    (folder / name).write_text(text_of(rows()) if text is None else text, encoding="utf-8", newline="")
    return str(folder / name)


def guessed(*paths: str, overrides: Sequence[str] = ()) -> RunConfig:
    return guess_config(paths, overrides)[0]
