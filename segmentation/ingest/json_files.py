"""Read JSON files into raw lines: one object a line, one array of objects, or objects over several lines."""

import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType, VariantType

from segmentation import schemas as s
from segmentation.config.settings import DecimalMark, InputSettings
from segmentation.ingest.files import (
    InputFile,
    and_more,
    by_header,
    folder_value,
    glob_escaped,
    locate_with_folders,
    nearest_name,
    path_in_read_error,
    quoted,
    shortened_names,
    source_file,
)
from segmentation.ingest.json_head import ARRAY, LINES, OBJECTS, TYPED_NUMBER, JsonForm
from segmentation.ingest.values import marked

logger = logging.getLogger(__name__)

# The column in which Spark gives the text of a line or file.
TEXT = "value"
WHITESPACE = "\ufeff \t\r\n"
# Between two objects without a comma. No text holds it: a quote inside of a text has a backslash before it.
BETWEEN_OBJECTS = r"(?<=\})\s*(?=\{\s*\"[^\"\\]*\"\s*:)"
# A value that names its type, as MongoDB writes it: {"$date": {"$numberLong": "1291190760000"}}.
TYPED_VALUE = r"^(?:\{\s*\"\$\w+\"\s*:\s*)+\"?([^\"{}]*)\"?[\s}]*$"
# Fields that a good line may lack. Writers leave out a key whose value is null, and a part of a data set may hold
# nothing but such lines.
OPTIONAL_FIELDS = frozenset({s.DESCRIPTION, s.CUSTOMER_ID, s.COUNTRY, *s.MARK_FIELDS})


@dataclass(frozen=True)
class _Layout:
    """How a file is written; files of one layout are read together.

    Each field comes with its key. `folders` are the numbers of the folders in the path that have a field's value.
    """

    form: JsonForm
    keys: tuple[tuple[str, str], ...]
    folders: tuple[tuple[str, int], ...]


def read_json(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """Return a frame of raw lines for each way in which the files write their keys.

    Every file has to have every column. Only an optional field may be missing, with a warning, where another file has
    it and no key of this file looks like it. A column that is not in a file's head is looked for in all of the file.

    Raises: InputError for a file that lacks a column.
    """
    columns = settings.columns.by_field
    groups = by_header(files)
    names_of = {header: {key.strip() for key in header.names} for header in groups}
    layouts: defaultdict[_Layout, list[str]] = defaultdict(list)
    for header, group in groups.items():
        names, absent, uncertain = names_of[header], [], []
        folders = dict(header.folders)
        for field, column in columns.items():
            if column in names or column in folders:
                continue
            having = [others for others in names_of.values() if column in others]
            # A key that no file with the column has may be the column under another name.
            unknown = sorted(names.difference(columns.values(), *having))
            if field in OPTIONAL_FIELDS and having and nearest_name(column, unknown) is None:
                absent.append(column)
            else:
                uncertain.append(column)
        for file in group if uncertain else group[:1]:
            later = [column for column in uncertain if _is_key_anywhere(spark, file, column)]
            keys = [*header.names, *later, *absent]
            positions, numbers = locate_with_folders(keys, columns, file)
        if absent:
            logger.warning(
                "%s: its first objects have no %s: it is read as blank where it is missing. Keys found: %s",
                and_more(group[0].path, len(group)),
                ", ".join(map(repr, absent)),
                shortened_names(header.names),
            )
        key_of = {field: keys[positions[field]] if field in positions else columns[field] for field in columns}
        layout = _Layout(JsonForm(*header.form), (*key_of.items(),), (*numbers.items(),))
        layouts[layout] += [glob_escaped(file.stored.path) for file in group]
    return [
        frame for layout, paths in layouts.items() for frame in _read_layout(spark, paths, layout, settings.decimal)
    ]


def _read_layout(spark: SparkSession, paths: Sequence[str], layout: _Layout, decimal: DecimalMark) -> list[DataFrame]:
    """Return the objects, and what Spark's reader ignores: whatever follows the first value of a line or file."""
    form, keys, folders = layout.form, dict(layout.keys), dict(layout.folders)
    is_array = form.shape == ARRAY
    texts = spark.read.text(list(paths), wholetext=form.shape != LINES).select(TEXT, source_file().alias(s.SOURCE_FILE))
    # Of a text the reader leaves out the quotes: only a variant knows whether 2.125 was a number or a text.
    variants = [key for field, key in keys.items() if field in s.NUMBER_FIELDS and decimal == "comma"]
    types = {key: VariantType() if key in variants else StringType() for key in keys.values()}
    schema = StructType([StructField(name, types.get(name, StringType())) for name in (*types, s.UNPARSED_LINE)])
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": s.UNPARSED_LINE}
    if form.shape == OBJECTS:
        of_each = F.explode(F.split(F.btrim(F.col(TEXT), F.lit(WHITESPACE)), BETWEEN_OBJECTS))
        texts = texts.select(of_each.alias(TEXT), s.SOURCE_FILE)
        records = texts.select(F.from_json(TEXT, schema, options).alias(TEXT), s.SOURCE_FILE)
        prefix, file = f"{TEXT}.", F.col(s.SOURCE_FILE)
    else:
        records = spark.read.schema(schema).options(**options).option("multiLine", is_array).json(list(paths))
        prefix, file = "", source_file()
    values = {field: F.col(prefix + quoted(key)) for field, key in keys.items()}
    values |= {field: _with_numbers_marked(values[field], decimal) for field, key in keys.items() if key in variants}
    if form.is_typed:
        values = {field: _untyped(value) for field, value in values.items()}
    # The head of the file does not have these keys; an object further down may.
    values |= {field: F.coalesce(values[field], folder_value(file, folders[field])) for field in folders}
    objects = records.select(
        *[value.alias(s.raw(field)) for field, value in values.items()],
        file.alias(s.SOURCE_FILE),
        F.col(prefix + s.UNPARSED_LINE).alias(s.UNPARSED_LINE),
    )
    if not is_array:
        return [objects, _ignored(texts.where(_has_more_objects(F.col(TEXT))), keys, F.col(TEXT))]
    # How many lines are lost in a broken array is not known, so it ends the run.
    message = F.concat(F.col(s.SOURCE_FILE), F.lit(": is not one JSON array of objects from beginning to end"))
    refusal = F.raise_error(message).cast("string")
    return [
        objects.withColumn(s.UNPARSED_LINE, F.when(F.col(s.UNPARSED_LINE).isNotNull(), refusal)),
        _ignored(texts.where(~_is_one_array(F.col(TEXT))), keys, refusal),
    ]


def _has_more_objects(line: Column) -> Column:
    """Return whether anything follows the first object of a line, of which Spark reads that object only."""
    # Nearly every object is flat, and its only brace is the last character, or a comma follows as in an array.
    line = F.rtrim(line, F.lit(", \t\r\n"))
    may_have_more = F.instr(line, "}") < F.length(line)
    first = F.from_json(line, f"{s.UNPARSED_LINE} string", {"columnNameOfCorruptRecord": s.UNPARSED_LINE})
    return F.when(may_have_more, first[s.UNPARSED_LINE].isNull() & ~_is_one_value(line, "struct<_: string>"))


def _with_numbers_marked(variant: Column, decimal: DecimalMark) -> Column:
    """Return the text of a variant: of one that is a number, or says that it is, with the decimal mark of the texts."""
    text = F.try_variant_get(variant, "$", "string")
    is_number = F.schema_of_variant(variant).rlike("^(BIGINT|DECIMAL|DOUBLE|FLOAT)")
    is_named_so = F.startswith(text, F.lit(f'{{"{TYPED_NUMBER}'))
    return F.when(is_number | is_named_so, marked(text, decimal)).otherwise(text)


def _untyped(value: Column) -> Column:
    """Return the text of a value that names its type, and any other value as it is."""
    text = F.regexp_extract(value, TYPED_VALUE, 1)
    return F.when(F.startswith(value, F.lit("{")) & (text != ""), text).otherwise(value)


def _is_one_array(text: Column) -> Column:
    text = F.btrim(text, F.lit(WHITESPACE))
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
