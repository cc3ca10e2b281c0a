"""Look for columns that a configuration does not read, and that say of lines that they are no plain sales."""

from collections.abc import Sequence

from segmentation import schemas as s
from segmentation.config.settings import RunConfig
from segmentation.errors import SegmentationError
from segmentation.guess.checks import two_orders
from segmentation.guess.no_sales import codes_in_words
from segmentation.guess.returns import signs_of_returns
from segmentation.guess.samples import lines_of, samples_of, unread_columns
from segmentation.guess.suggestions import marks_in
from segmentation.guess.unread_money import cautions_of_money, several_currencies
from segmentation.ingest.files import InputFile

# A larger workbook takes seconds to be opened.
LARGEST_WORKBOOK = 5_000_000


def may_have_unread_columns(files: Sequence[InputFile], config: RunConfig) -> bool:
    """Return whether a header has a column that is not read, or may have: the headers of workbooks are not known.

    Money that is written as text may have several currencies, unless a column says which counts.
    """
    if s.CURRENCY not in config.input.columns.by_field and any(file.kind in ("csv", "json") for file in files):
        return True
    names = {name for file in files for name in file.header.names if name}
    has_workbook = any(file.kind == "xlsx" and file.stored.size <= LARGEST_WORKBOOK for file in files)
    return has_workbook or not names <= {*config.input.columns.by_field.values()}


def unread_marks(paths: Sequence[str], config: RunConfig) -> list[str]:
    """Return a caution for each kind of column that is not read, and for what no configuration reads.

    Only files on this machine are looked at.
    """
    settings = config.input
    try:
        sheets = None if settings.sheets == "all" else settings.sheets
        samples = samples_of(paths, settings.csv, settings.format, sheets)
        read = settings.columns.by_field
        if not samples:
            return []
        dates = [*filter(None, [two_orders(samples, read[s.INVOICE_DATE])])]
        if not {*filter(None, samples[0].names)} - {*read.values()}:
            return [*dates, *several_currencies([*lines_of(samples, [*read.values()])], config)]
        signs = signs_of_returns(samples, read, config.cleaning)
        marks = marks_in(samples, [*read.values(), signs.type_column], config.cleaning)
        marked = {*marks.statuses, *marks.tests, *marks.currencies, signs.type_column}
        names = unread_columns(samples, {*read.values(), *marked})
        lines = list(lines_of(samples, [*read.values(), *names]))
    except (SegmentationError, OSError):  # the reader of the lines says it better
        return []
    cautions = [*dates, *several_currencies(lines, config), *cautions_of_money(lines, names, config)]
    if signs.type_column is not None:
        words = ", ".join(map(repr, signs.type_words))
        cautions.append(
            f"the column {signs.type_column!r} has {words}, and is not read: set input.columns.line_type, and "
            "cleaning.returns with type, to count such lines as returns"
        )
    for column, found in [*marks.statuses.items(), *marks.tests.items()]:
        words = ", ".join(f"{word!r} ({count:,} of the lines looked at)" for word, count in list(found.items())[:3])
        cautions.append(
            f"the column {column!r} has {words}, and is not read: such lines count as sales. If they are none, set "
            f"input.columns.{s.LINE_STATUS}" + (" and cleaning.no_sale_statuses" if column in marks.tests else "")
        )
    if s.CURRENCY not in read:
        cautions += [
            f"the column {column!r} has several currencies, {codes_in_words(codes)}, and is not read: their money is "
            "added up as it is. Set input.columns.currency and cleaning.currency to count one of them"
            for column, codes in marks.currencies.items()
            if len(codes) > 1
        ]
    return cautions
