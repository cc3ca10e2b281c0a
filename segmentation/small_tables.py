"""Collected rows → a table again."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema

from segmentation.schemas import TABLES, column_names


def small_table(spark: SparkSession, table: str, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """A small table from collected rows, in one file; as Arrow, since plain rows would need Python on the executors."""
    schema = TABLES[table]
    columns = [[_arrow_value(row[name]) for row in rows] for name in column_names(schema)]
    arrow = to_arrow_schema(schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, arrow, strict=True)]
    return spark.createDataFrame(pa.Table.from_arrays(arrays, schema=arrow), schema).coalesce(1)


def _arrow_value(value: Any) -> Any:
    return list(value.items()) if isinstance(value, dict) else value
