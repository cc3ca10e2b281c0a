"""The locale of Java, on which digits, file names and letter case depend: set on the driver, checked on executors."""

import re
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.errors import ConfigError

# Languages of ASCII digits in which letters have another case than elsewhere.
OTHER_CASES = frozenset({"tr", "az", "lt"})
ENGLISH = "en"
REMEDY = "set spark.executor.extraJavaOptions to -Duser.language=en -Duser.country=US"
# Every executor runs some of so many tasks, or nearly so.
MOST_TASKS = 200


def use_english(spark: SparkSession) -> Any:
    """Set the driver's locale to English, and return the one before; None where it was English.

    Spark writes numbers into the names of files by the locale: in Arabic or Persian with digits that nobody finds.
    """
    locales: Any = spark._jvm.java.util.Locale  # type: ignore[union-attr]
    before = locales.getDefault()
    if before.getLanguage() == ENGLISH and "u-nu" not in before.toLanguageTag():
        return None
    locales.setDefault(locales.US)
    return before


def put_back(spark: SparkSession, before: Any) -> None:
    """Set the driver's locale to one that `use_english` returned."""
    if before is not None:
        spark._jvm.java.util.Locale.setDefault(before)  # type: ignore[union-attr]


def require_usual_locales(spark: SparkSession) -> None:
    """Raise ConfigError where executors on other machines write digits or letters otherwise than the driver.

    Runs a small action.
    """
    tasks = max(1, min(MOST_TASKS, spark.sparkContext.defaultParallelism))
    # Not constant, so that executors evaluate it.
    locale = F.call_function("java_method", F.lit("java.util.Locale"), F.lit("getDefault"))
    rows = spark.range(0, tasks, 1, tasks).select(locale.alias("locale")).collect()  # one per task
    for name in sorted({str(row["locale"]) for row in rows}):
        if is_unusual(spark, name):
            raise ConfigError(
                f"the Java of the executors has the locale {name}, in which numbers or letters are written otherwise: "
                f"{REMEDY}"
            )


def is_unusual(spark: SparkSession, name: str) -> bool:
    """Return whether a locale such as `fa_IR` has other digits than ASCII, or another case of ASCII letters."""
    language = re.split("[_#]", name)[0]
    jvm: Any = spark._jvm
    locale = jvm.java.util.Locale.forLanguageTag(re.sub("_+#?", "-", name).strip("-"))
    zero = jvm.java.text.DecimalFormatSymbols.getInstance(locale).getZeroDigit()
    return language in OTHER_CASES or str(zero) != "0" or "u-nu" in name
