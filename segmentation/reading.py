"""Any input format → one raw shape: every field as the text that was read, with the file it came from."""

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark.sql import DataFrame, SparkSession

from segmentation.config import InputSettings
from segmentation.input_files import InputFile
from segmentation.parquet_files import read_parquet
from segmentation.schemas import RAW_LINES
from segmentation.storage import Storage
from segmentation.text_files import read_csv, read_json
from segmentation.xlsx import read_workbook


def read_lines(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> DataFrame:
    """`RAW_LINES`: one row per line of the given files, in no particular order; no action but a look at headers.

    Raises InputError where a file lacks a mapped column, has one twice, or cannot be opened.
    """
    readers = {"csv": read_csv, "json": read_json, "parquet": read_parquet, "xlsx": _read_workbooks}
    frames: list[DataFrame] = []
    for kind, reader in readers.items():
        of_kind = [file for file in files if file.kind == kind]
        if of_kind:
            frames += reader(spark, of_kind, settings)
    return reduce(DataFrame.unionByName, frames)


def _read_workbooks(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """One frame a workbook, read on the driver and handed over as Arrow."""
    frames = []
    with TemporaryDirectory(prefix="workbooks-") as folder:
        for file in files:
            storage = Storage(spark, file.stored.path)
            local = storage.local(file.stored.path) if storage.is_local else Path(folder) / "workbook.xlsx"
            if not storage.is_local:
                storage.fetch(file.stored.path, local)
            sheets = None if settings.sheets == "all" else settings.sheets
            frames.append(
                spark.createDataFrame(read_workbook(local, file.path, settings.columns.by_field, sheets), RAW_LINES)
            )
    return frames
