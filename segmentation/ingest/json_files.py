"""JSON files, an object a line or one array of objects → raw lines."""

import json
import logging
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

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
    quoted,
    shortened_names,
    source_file,
    unreadable_path,
)

logger = logging.getLogger(__name__)

# The column in which Spark gives the text of a line or file.
TEXT = "value"
FURTHER = "further"
AN_ARRAY = "\u0001"
DEEPEST_ARRAYS = 8
# Where one value ends and another begins that is not the first one's part: inside an object the next has a key and a
# colon before it. In a whole line this also fits what stands in texts and in arrays, in a line's `_structure` it does
# not.
MAY_BE_SEVERAL = r"[}\]][^:{}\[\]]*[{\[]"
MAY_BE_SEVERAL_ARRAYS = r"\][^:{}\[\]]*[{\[]"
BETWEEN_VALUES = rf"[}}{AN_ARRAY}](?=[^:{{}}{AN_ARRAY}]*[{{{AN_ARRAY}])"
# Fields that a good line may lack. Writers leave out a key whose value is null, and a part of a data set may hold
# nothing but such lines.
MAY_BE_LEFT_OUT = frozenset({s.DESCRIPTION, s.CUSTOMER_ID, s.COUNTRY})


def read_json(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """One frame for each way in which the keys are written, with an object a line or an array of objects.

    Every file has to have every column. Raises InputError for one that has not, but that is a warning where a good
    line may lack it, another file has it, and nothing in the file looks like it under another name. A column that the
    file's head lacks is looked for in the whole file before it is refused, and only then.
    """
    layouts: defaultdict[tuple[bool, tuple[str, ...]], list[str]] = defaultdict(list)
    columns = settings.columns.by_field
    keys_by_file = [head_keys(file, is_json_array(file)) for file in files]
    known_beside = {
        column: {key.strip() for keys in keys_by_file if column in map(str.strip, keys) for key in keys}
        for column in columns.values()
    }
    for file, keys in zip(files, keys_by_file, strict=True):
        absent = _left_out(keys, columns, known_beside)
        missing = [column for column in columns.values() if column not in {*map(str.strip, keys), *absent}]
        later = [column for column in missing if _comes_later(spark, file, column)]
        names = _names_of_fields(file.path, [*keys, *later], absent, columns)
        layouts[is_json_array(file), tuple(names[field] for field in s.LINE_FIELDS)].append(
            glob_escaped(file.stored.path)
        )
    frames = []
    for (is_array, written), paths in layouts.items():
        schema = StructType([StructField(name, StringType()) for name in (*written, s.UNPARSED_LINE)])
        objects = (
            spark.read.schema(schema)
            .option("mode", "PERMISSIVE")
            .option("columnNameOfCorruptRecord", s.UNPARSED_LINE)
            .option("multiLine", is_array)
            .json(paths)
            .select(
                *[F.col(quoted(key)).alias(s.raw(field)) for field, key in zip(s.LINE_FIELDS, written, strict=True)],
                source_file().alias(s.SOURCE_FILE),
                s.UNPARSED_LINE,
            )
        )
        texts = spark.read.text(paths, wholetext=is_array).select(TEXT, source_file().alias(s.SOURCE_FILE))
        frames += _of_arrays(objects, texts) if is_array else [objects, _further_objects(texts)]
    return frames


def is_json_array(file: InputFile) -> bool:
    return file.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def _left_out(
    keys: Sequence[str], columns: Mapping[str, str], known_beside: Mapping[str, Collection[str]]
) -> list[str]:
    """The columns that a file with these keys need not have; `known_beside` has for each column the keys of the files
    that have it.
    """
    stripped = {key.strip() for key in keys}
    absent = []
    for field, column in columns.items():
        if column not in stripped and field in MAY_BE_LEFT_OUT and known_beside[column]:
            # A key that stands only where the column does not may be the column under another name.
            strange = stripped - {*columns.values(), *known_beside[column]}
            if nearest_name(column, sorted(strange)) is None:
                absent.append(column)
    return absent


def _comes_later(spark: SparkSession, file: InputFile, column: str) -> bool:
    """Whether the column is a key anywhere in the file; the search ends where it is found."""
    # Inside a text a quote has a backslash before it, so that no text passes for a key.
    written = "|".join(re.escape(json.dumps(column, ensure_ascii=is_ascii)) for is_ascii in (False, True))
    lines = spark.read.text(glob_escaped(file.stored.path))
    try:
        return not lines.where(F.col(TEXT).rlike(rf"({written})\s*:")).isEmpty()
    except Exception as error:
        if unreadable_path(error):  # cut off: it is refused without the column too
            return False
        raise


def _names_of_fields(
    path: str, keys: Sequence[str], absent: Sequence[str], columns: Mapping[str, str]
) -> dict[str, str]:
    """For each field the key that holds it in a file, as it is written there; a warning tells of columns `absent`."""
    located = locate_columns([*keys, *absent], columns, path)
    if absent:
        logger.warning(
            "%s: its first objects have no %s, and so none is read where it is missing. Keys found: %s",
            path,
            ", ".join(map(repr, absent)),
            shortened_names(keys),
        )
    return {field: [*keys, *absent][position] for field, position in located.items()}


def _further_objects(texts: DataFrame) -> DataFrame:
    """For every object but the first of a line, which Spark passes over, an unparsed line: its number and the text."""
    further = F.size(F.split(_structure(F.col(TEXT)), BETWEEN_VALUES)) - 1
    # Only the few lines that may hold more than an object are taken apart.
    several = texts.where(F.col(TEXT).rlike(MAY_BE_SEVERAL)).withColumn(FURTHER, further).where(F.col(FURTHER) > 0)
    number = F.explode(F.sequence(F.lit(2), F.col(FURTHER) + 1))
    return several.withColumn(FURTHER, number).select(
        *_no_fields(),
        s.SOURCE_FILE,
        F.concat(F.lit("object "), F.col(FURTHER), F.lit(" of the line "), F.col(TEXT)).alias(s.UNPARSED_LINE),
    )


def _of_arrays(objects: DataFrame, texts: DataFrame) -> list[DataFrame]:
    """The objects of one array a file; how many lines are lost in a broken one is not known, so it ends the run."""
    message = F.concat(F.col(s.SOURCE_FILE), F.lit(": is not one JSON array of objects from beginning to end"))
    refusal = F.raise_error(message).cast("string")
    text = F.rtrim(F.col(TEXT), F.lit(" \t\r\n"))
    is_several = F.when(text.rlike(MAY_BE_SEVERAL_ARRAYS), _structure(text).rlike(BETWEEN_VALUES)).otherwise(
        F.lit(False)
    )
    return [
        objects.withColumn(s.UNPARSED_LINE, F.when(F.col(s.UNPARSED_LINE).isNotNull(), refusal)),
        texts.where(~text.endswith("]") | is_several).select(
            *_no_fields(), s.SOURCE_FILE, refusal.alias(s.UNPARSED_LINE)
        ),
    ]


def _structure(text: Column) -> Column:
    """JSON without what could be mistaken for a bracket or brace between two values: its texts and its arrays, for
    each of which an `AN_ARRAY` stands.
    """
    structure = F.regexp_replace(F.regexp_replace(text, r"\\.", ""), r'"[^"]*"', "")
    for _ in range(DEEPEST_ARRAYS):
        structure = F.regexp_replace(structure, r"\[[^\[\]]*\]", AN_ARRAY)
    return structure


def _no_fields() -> list[Column]:
    return [F.lit(None).cast("string").alias(s.raw(field)) for field in s.LINE_FIELDS]


def head_keys(file: InputFile, is_array: bool) -> list[str]:
    """Every key of the objects that the file's head holds whole; InputError where one has a key twice."""
    text = file.head.decode("utf-8-sig", "replace").lstrip()
    keys: dict[str, None] = {}
    # Numbers stay text: Python refuses to parse one of thousands of digits.
    decoder = json.JSONDecoder(
        object_pairs_hook=lambda pairs: [key for key, _ in pairs], parse_int=str, parse_float=str
    )
    position = text.find("{")
    while position >= 0:
        try:
            of_object, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError:
            break  # cut off by the end of the head, or a broken line, which Spark will report as such
        doubled = next((key for key in of_object if of_object.count(key) > 1), None)
        if doubled is not None:
            times = of_object.count(doubled)
            raise InputError(f"{file.path}: column {doubled!r} is there {times} times in one object: leave one of them")
        keys |= dict.fromkeys(of_object)
        position = text.find("{", end)
    if not keys:
        shape = "an array of objects" if is_array else "one object a line"
        raise InputError(f"{file.path}: is not JSON with {shape}")
    return list(keys)
