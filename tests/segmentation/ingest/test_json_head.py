"""The head of a JSON file shows its keys and how the objects are written, or what is to be rewritten."""

import json

import pytest

from segmentation.errors import InputError
from segmentation.ingest.files import HEAD_BYTES
from segmentation.ingest.json_head import ARRAY, LINES, OBJECTS, json_header, objects_in
from tests.hostile_files import GOOD, HEADER, json_object

PRETTY = json.dumps(GOOD, indent=2)
ORDER = {key: value for key, value in GOOD.items() if key not in ("StockCode", "Quantity")}
ITEM = {"StockCode": "85123A", "Quantity": "2"}


@pytest.mark.parametrize(
    ("content", "shape"),
    [
        (f"{json_object(1)}\n{json_object(2)}\n", LINES),
        (f"\ufeff{json_object(1)},\r\n{json_object(2)},\r\n", LINES),
        (f"{json_object(1)}{json_object(2)}\n{json_object(3)}\n{json_object(4)}\n", LINES),
        (f"{PRETTY}\n{PRETTY}\n", OBJECTS),
        (PRETTY, OBJECTS),
        (json_object(1) + json_object(2) + json_object(3), OBJECTS),
        (f"[{json_object(1)}]", ARRAY),
        (json.dumps([GOOD, GOOD], indent=1), ARRAY),
    ],
)
def test_the_head_shows_how_objects_are_written(content: str, shape: str) -> None:
    assert json_header(content.encode(), "a.json", HEADER) == (HEADER, (shape, False))


@pytest.mark.parametrize("deep", ["[" * HEAD_BYTES, '{"a":' * 9_000, '{"a":' * 9_000 + "1" + "}" * 9_000])
def test_keys_are_found_below_a_line_that_is_nested_too_deep(deep: str) -> None:
    content = f'{{"InvoiceNo":{deep}'[: HEAD_BYTES // 2] + f"\n{json_object()}\n"
    assert json_header(content.encode(), "a.json")[0] == HEADER


def test_values_that_name_their_type_are_unwrapped() -> None:
    value = {"_id": {"$oid": "5f"}, "at": {"$date": {"$numberLong": "12"}}, "of": {"a": {"$x": "1"}}, "n": 2}
    content = json.dumps(value).encode()
    assert json_header(content, "a.json")[1] == (LINES, True)
    pairs = dict(next(iter(objects_in(content))))
    assert (pairs["_id"], pairs["at"], pairs["n"]) == ("5f", "12", "2")


def column_oriented(orient: str) -> str:
    columns = {name: {"0": value, "1": value} for name, value in GOOD.items()}
    rows = {str(number): dict(GOOD) for number in range(2)}
    return json.dumps(
        {
            "columns": columns,
            "index": rows,
            "split": {"columns": HEADER, "index": [0], "data": [list(GOOD.values())]},
            "table": {"schema": {"fields": []}, "data": [GOOD]},
            "values": [list(GOOD.values())],
            "list": {name: [value] for name, value in GOOD.items()},
        }[orient]
    )


REWRITTEN = {
    **{
        f"pandas, {orient}": (column_oriented(orient), "to_json(path, orient='records', lines=True)")
        for orient in ("columns", "index", "split", "table", "values", "list")
    },
    "items of orders": (
        json.dumps({**ORDER, "items": [ITEM, ITEM]}),
        "column 'Quantity' is inside of 'items', a list: write one object for each of them, as jq -c "
        "'del(.items) + .items[]' FILE > lines.jsonl does",
    ),
    "items of orders in an array": (
        json.dumps([{**ORDER, "line items": [ITEM]}]),
        """'.[] | del(.["line items"]) + .["line items"][]'""",
    ),
    "an object in place of a value": (
        json.dumps({**GOOD, "Quantity": {"id": 17850, "orders": 9}}),
        "'Quantity' is an object with keys of its own, no single value: take out the one that counts, such as "
        """Quantity.id, as jq -c '. + {"Quantity_id": .["Quantity"]["id"]} | del(.["Quantity"])' FILE > """,
    ),
    "an object inside of an object": (
        json.dumps({**ORDER, "item": ITEM}),
        "column 'Quantity' is inside of 'item': write these keys next to the others, as jq -c 'del(.item) + .item'",
    ),
    "all lines in one object": (
        json.dumps({"page": 1, "next": None, "orders": [GOOD] * 1_000})[:HEAD_BYTES],
        "its lines are inside of 'orders', a list",
    ),
    "a few lines in one object": (json.dumps({"orders": [GOOD]}, indent=2), "is inside of 'orders', a list"),
    "commas without an array": (f"{PRETTY},\n" * 3, "write [ before the first and ] behind the last"),
    "commas in one line without an array": (",".join([json_object()] * 3), "write [ before the first and ] behind"),
    "another encoding": (json_object().encode("utf-16"), "is JSON in UTF-16 or UTF-32: write it as UTF-8, as iconv"),
    "the same without a mark": (json_object().encode("utf-16-le"), "is JSON in UTF-16 or UTF-32"),
}


@pytest.mark.parametrize("case", REWRITTEN)
def test_a_form_that_is_not_read_is_named_with_what_to_do(case: str) -> None:
    content, message = REWRITTEN[case]
    with pytest.raises(InputError) as caught:
        json_header(content if isinstance(content, bytes) else content.encode(), "a.json", ["InvoiceNo", "Quantity"])
    assert str(caught.value).startswith("a.json: ")
    assert message in str(caught.value)
    assert "HEART" not in str(caught.value)
