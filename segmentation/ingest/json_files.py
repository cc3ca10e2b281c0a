"""Read JSON files, one object a line or one array of objects, into raw lines."""

import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from segmentation import schemas as s
from segmentation.config.settings import InputSettings
from segmentation.errors import InputError
from segmentation.ingest.files import (
    InputFile,
    glob_escaped,
    locate_columns,
    nearest_name,
    path_in_read_error,
    quoted,
    shortened_names,
    source_file,
)

logger = logging.getLogger(__name__)

# The column in which Spark gives the text of a line or file.
TEXT = "value"
# Fields that a good line may lack. Writers leave out a key whose value is null, and a part of a data set may hold
# nothing but such lines.
OPTIONAL_FIELDS = frozenset({s.DESCRIPTION, s.CUSTOMER_ID, s.COUNTRY, s.LINE_TYPE})


def read_json(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """Return a frame of raw lines for each way in which the files write their keys.

    Every file has to have every column. Only an optional field may be missing, with a warning, where another file has
    it and no key of this file looks like it. A column that is not in a file's head is looked for in all of the file.

    Raises: InputError for a file that lacks a column.
    """
    columns = settings.columns.by_field
    keys_by_file = [head_keys(file) for file in files]
    stripped_by_file = [{key.strip() for key in keys} for keys in keys_by_file]
    layouts: defaultdict[tuple[bool, tuple[str, ...]], list[str]] = defaultdict(list)
    for file, keys, stripped in zip(files, keys_by_file, stripped_by_file, strict=True):
        absent, later = [], []
        for field, column in columns.items():
            if column in stripped:
                continue
            having = [others for others in stripped_by_file if column in others]
            # A key that no file with the column has may be the column under another name.
            unknown = sorted(stripped.difference(columns.values(), *having))
            if field in OPTIONAL_FIELDS and having and nearest_name(column, unknown) is None:
                absent.append(column)
            elif _is_key_anywhere(spark, file, column):
                later.append(column)
        names = [*keys, *later, *absent]
        located = locate_columns(names, columns, file.path)
        if absent:
            logger.warning(
                "%s: its first objects have no %s: it is read as blank where it is missing. Keys found: %s",
                file.path,
                ", ".join(map(repr, absent)),
                shortened_names(keys),
            )
        keys_of_fields = tuple(names[located[field]] for field in columns)
        layouts[is_json_array(file), keys_of_fields].append(glob_escaped(file.stored.path))
    frames = []
    for (is_array, keys_of_fields), paths in layouts.items():
        frames += _read_layout(spark, paths, dict(zip(columns, keys_of_fields, strict=True)), is_array)
    return frames


def is_json_array(file: InputFile) -> bool:
    """Return whether a file holds one array of objects instead of one object a line."""
    return file.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def head_keys(file: InputFile) -> list[str]:
    """Return every key of the objects that are whole in the file's head.

    Raises: InputError for an object that has a key twice, and where there is no object.
    """
    keys: dict[str, None] = {}
    for pairs in objects_in(file.head):
        object_keys = [key for key, _ in pairs]
        doubled = next((key for key in object_keys if object_keys.count(key) > 1), None)
        if doubled is not None:
            times = object_keys.count(doubled)
            raise InputError(f"{file.path}: column {doubled!r} is there {times} times in one object: leave one of them")
        keys |= dict.fromkeys(object_keys)
    if not keys:
        shape = "an array of objects" if is_json_array(file) else "one object a line"
        raise InputError(f"{file.path}: is not JSON with {shape}")
    return list(keys)


def objects_in(part: bytes) -> Iterator[list[tuple[str, Any]]]:
    """Yield the keys and values of each object in a part of a file, up to the first that is broken or cut off."""
    # Numbers stay text: Python refuses to parse one of thousands of digits.
    decoder = json.JSONDecoder(object_pairs_hook=list, parse_int=str, parse_float=str, parse_constant=str)
    text = part.decode("utf-8-sig", "replace")
    position = text.find("{")
    while position >= 0:
        try:
            pairs, end = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError):
            return
        yield pairs
        position = text.find("{", end)


def _read_layout(
    spark: SparkSession, paths: Sequence[str], key_by_field: Mapping[str, str], is_array: bool
) -> list[DataFrame]:
    """Return the objects, and what Spark's reader ignores: whatever follows the first value of a line or file."""
    schema = StructType([StructField(name, StringType()) for name in (*key_by_field.values(), s.UNPARSED_LINE)])
    objects = (
        spark.read.schema(schema)
        .option("mode", "PERMISSIVE")
        .option("columnNameOfCorruptRecord", s.UNPARSED_LINE)
        .option("multiLine", is_array)
        .json(list(paths))
        .select(
            *[F.col(quoted(key)).alias(s.raw(field)) for field, key in key_by_field.items()],
            source_file().alias(s.SOURCE_FILE),
            s.UNPARSED_LINE,
        )
    )
    texts = spark.read.text(list(paths), wholetext=is_array).select(TEXT, source_file().alias(s.SOURCE_FILE))
    if not is_array:
        return [objects, _ignored(texts.where(_has_more_objects(F.col(TEXT))), key_by_field, F.col(TEXT))]
    # How many lines are lost in a broken array is not known, so it ends the run.
    message = F.concat(F.col(s.SOURCE_FILE), F.lit(": is not one JSON array of objects from beginning to end"))
    refusal = F.raise_error(message).cast("string")
    return [
        objects.withColumn(s.UNPARSED_LINE, F.when(F.col(s.UNPARSED_LINE).isNotNull(), refusal)),
        _ignored(texts.where(~_is_one_array(F.col(TEXT))), key_by_field, refusal),
    ]


def _has_more_objects(line: Column) -> Column:
    """Return whether anything follows the first object of a line, of which Spark reads that object only."""
    # Nearly every object is flat, and its only brace is the last character.
    may_have_more = F.instr(line, "}") < F.length(F.rtrim(line))
    first = F.from_json(line, f"{s.UNPARSED_LINE} string", {"columnNameOfCorruptRecord": s.UNPARSED_LINE})
    return F.when(may_have_more, first[s.UNPARSED_LINE].isNull() & ~_is_one_value(line, "struct<_: string>"))


def _is_one_array(text: Column) -> Column:
    text = F.btrim(text, F.lit("\ufeff \t\r\n"))
    may_be_several = text.rlike(r"\][\s,]*[{\[]")
    return text.endswith("]") & F.when(may_be_several, _is_one_value(text, "array<struct<_: string>>")).otherwise(True)


def _is_one_value(text: Column, kind: str) -> Column:
    values = F.from_json(F.concat(F.lit("["), text, F.lit("]")), f"array<{kind}>")
    return F.coalesce(F.size(values) == 1, F.lit(False))


def _ignored(texts: DataFrame, fields: Iterable[str], unparsed: Column) -> DataFrame:
    """Return an unparsed line for each of the texts."""
    no_fields = [F.lit(None).cast("string").alias(s.raw(field)) for field in fields]
    return texts.select(*no_fields, s.SOURCE_FILE, unparsed.alias(s.UNPARSED_LINE))


def _is_key_anywhere(spark: SparkSession, file: InputFile, column: str) -> bool:
    """Return whether any object of the file has the column; the search ends at the first."""
    # Inside a text a quote has a backslash before it, so that no text passes for a key.
    key = "|".join(re.escape(json.dumps(column, ensure_ascii=is_ascii)) for is_ascii in (False, True))
    lines = spark.read.text(glob_escaped(file.stored.path))
    try:
        return not lines.where(F.col(TEXT).rlike(rf"({key})\s*:")).isEmpty()
    except Exception as error:
        if path_in_read_error(error):  # cut off: it is refused without the column too
            return False
        raise
