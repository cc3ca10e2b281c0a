"""Warn of invoices that by their letters may be no sales, or sales that do not count. Plain Python."""

import logging
import re
import shlex
from collections.abc import Collection, Sequence

from segmentation import schemas as s
from segmentation.config.files import flow
from segmentation.config.settings import RunConfig
from segmentation.guess.returns import is_money_back, lines_by_kind
from segmentation.guess.samples import Line, Sample, lines_of
from segmentation.guess.suggestions import ANY, CANCELLATION_RULE, SALE
from segmentation.guess.weights import money_of

logger = logging.getLogger(__name__)

# How programs begin the numbers of credit notes and returns.
OF_CREDITS = frozenset({"C", "CN", "CR", "CRN", "CM", "CREDIT", "CREDITNOTE", "RET", "RTN", "RETURN", "RMA", "REF"})
OF_CREDITS |= {"REFUND", "RF", "GS", "GUT", "GUTSCHRIFT", "ST", "STORNO", "AV", "AVOIR", "NC"}
# Of more lines, the letters mean something else.
LARGEST_SHARE = 0.5


def warn_of_documents(source: str, samples: Sequence[Sample], config: RunConfig) -> None:
    """Warn of invoices that the guess takes for adjustments, and of credit notes that are written like sales.

    Each warning has the letters, how many of the sampled lines, their share of the money, and what to set.
    """
    read, cleaning = config.input.columns.by_field, config.cleaning
    if s.INVOICE_NO not in read:
        return
    lines = list(lines_of(samples, [*read.values()]))
    prefixes = tuple(prefix.upper() for prefix in cleaning.cancellation_prefixes)
    adjusted: dict[str, list[Line]] = {}
    credited: dict[str, list[Line]] = {}
    for kind, of_kind in lines_by_kind(lines, read).items():
        others = [line for line in of_kind if not re.match(SALE, line.get(read[s.INVOICE_NO], "0").strip() or "0")]
        is_cancelled = kind.startswith(prefixes) and CANCELLATION_RULE not in cleaning.switched_off
        if cleaning.sale_invoice_pattern == SALE and others and not kind.startswith(prefixes):
            adjusted[kind or "a sign"] = others
        elif kind in OF_CREDITS and not is_cancelled and len(of_kind) <= LARGEST_SHARE * len(lines):
            credited[kind] = [line for line in of_kind if not is_money_back(line, read)]
    if adjusted:
        logger.warning(
            "%s: invoices that begin with %s are taken for adjustments, which count nowhere: %s. --set %s if "
            "they are sales, --set %s if they are returns",
            *(source, _beginnings(adjusted), _weight(adjusted, lines, config)),
            shlex.quote(f"cleaning.sale_invoice_pattern={ANY}"),
            shlex.quote(f"cleaning.cancellation_prefixes={flow([*cleaning.cancellation_prefixes, *adjusted])}"),
        )
    if any(credited.values()):
        logger.warning(
            "%s: invoices that begin with %s count as sales, although they may be credit notes: %s. Are they none? "
            "--set %s leaves them out; to take their money back, let the export write their quantities below 0",
            *(source, _beginnings(credited), _weight(credited, lines, config)),
            shlex.quote(f"cleaning.cancellation_prefixes={flow([*credited])}"),
        )


def _beginnings(kinds: Collection[str]) -> str:
    return " or ".join(sorted(kinds))


def _weight(kinds: dict[str, list[Line]], lines: Sequence[Line], config: RunConfig) -> str:
    """Return how many lines some kinds of invoices have, and their share of the money, whatever its sign."""

    def money(some: Sequence[Line]) -> float:
        return float(sum(abs(money_of(line, config.input.columns.by_field, config.input.decimal)) for line in some))

    found = [line for of_kind in kinds.values() for line in of_kind]
    share = money(found) / (money(lines) or 1)
    return (
        f"{len(found):,} of {len(lines):,} lines looked at ({len(found) / len(lines):.1%}) and {share:.1%} of the money"
    )
