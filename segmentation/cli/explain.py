"""Explain in words what a configuration does (`--explain`). Nothing is run for it."""

from collections.abc import Iterator, Sequence
from datetime import date
from textwrap import wrap

from segmentation import schemas as s
from segmentation.cleaning import rules
from segmentation.config.settings import ClusteredFeature, RunConfig
from segmentation.redaction import shown

NOTHING_READ = "Nothing was read or run."
ONLY_SAMPLES_READ = "Nothing was run; of the files only headers and some lines were read."
WIDTH = 80
LABEL_WIDTH = 24
SCALING = {
    "standard": "minus the mean, divided by the standard deviation",
    "robust": "minus the median, divided by the interquartile range",
    "min_max": "to between 0 and 1",
}

Entries = Iterator[tuple[str, str]]


def explanation_of(
    config: RunConfig, inputs: Sequence[str], output: str | None, as_of: date | None, is_guessed: bool = False
) -> str:
    """Return each stage of the run with what its keys do, within 80 columns.

    `is_guessed` says that the configuration was guessed from the files, so that headers and lines of them were read.
    """
    lines = [f"What this configuration does: {shown(config.title)}"]
    for heading, entries in (
        ("Input", _input(config, inputs)),
        ("Cleaning, the rules in order", _rules(config, as_of)),
        ("Features that are clustered", map(_feature, config.clustering.features)),
        ("Number of segments", _clustering(config)),
        ("Model", _model(config)),
        ("Scores and a name for each customer, the first rule that holds", _scores(config)),
        ("Names of segments", _naming(config)),
        ("Quality gates", _gates(config)),
        ("Output", _output(config, output)),
    ):
        lines += ["", heading]
        for label, text in entries:
            lines += _entry(shown(label), shown(text))
    return "\n".join([*lines, "", ONLY_SAMPLES_READ if is_guessed else NOTHING_READ])


def _input(config: RunConfig, inputs: Sequence[str]) -> Entries:
    if inputs:
        yield "files", ", ".join(inputs)
    settings = config.input
    csv = settings.csv
    yield "format", "by each file's content, then its ending" if settings.format == "auto" else settings.format
    delimiter = "comma, semicolon, tab or bar" if csv.delimiter == "auto" else repr(csv.delimiter)
    encoding = "recognised" if csv.encoding == "auto" else csv.encoding
    yield "CSV", f"delimiter {delimiter}; encoding {encoding}; {'' if csv.multiline else 'no '}line ends in fields"
    yield "sheets", "all" if settings.sheets == "all" else ", ".join(settings.sheets)
    for field, column in settings.columns.by_field.items():
        yield field, f"<- {column}"
    for field, consequence in config.missing_fields.items():
        yield field, f"not in the input: {consequence}"


def _rules(config: RunConfig, as_of: date | None) -> Entries:
    settings = config.applied_cleaning
    for number, (rule, criterion) in enumerate(rules.criteria(settings, as_of).items(), start=1):
        text = f"rejects: {criterion}"
        if rule in config.cleaning.switched_off:
            text = "switched off"
        elif rule in settings.switched_off:
            text = "off: without invoice number or stock code, two equal lines may be two sales"
        yield f"{number} {rule}", text
    yield "returns", f"are taken off what their customer bought before: {rules.returns_in_words(settings)}"
    missing = ", ".join(settings.missing_customer_ids)
    yield "guest", f"counts for countries and products, not for segments: no customer id, or one of {missing}"


def _feature(clustered: ClusteredFeature) -> tuple[str, str]:
    steps = []
    if clustered.transform == "log1p":
        steps.append("log(1 + x)")
    if clustered.winsorise:
        low, high = clustered.winsorise
        steps.append(f"limited to its quantiles {low:g} and {high:g}")
    steps.append(f"{clustered.scale}: {SCALING[clustered.scale]}")
    return clustered.feature, "; ".join(steps)


def _clustering(config: RunConfig) -> Entries:
    settings = config.clustering
    yield "k tried", f"{min(settings.k_min, settings.smallest_k)} to {settings.largest_k}"
    if settings.k == "auto":
        yield (
            "k chosen",
            "the most segments that come back when customers are drawn anew and lie apart; if none lie apart, the last "
            "of the unbroken run of k whose segments come back; else one segment",
        )
    elif settings.k == "elbow":
        yield (
            "k chosen",
            "the elbow: the k farthest below the chord of the WSSSE curve, which moves with clustering.k_max; without "
            "one the best silhouette",
        )
    elif settings.k == "silhouette":
        yield "k chosen", "the best silhouette"
    else:
        yield "k chosen", f"{settings.k}, as the configuration says"
    yield (
        "segments judged",
        f"by {settings.resamples} bootstrap resamples of at most {settings.stability_sample:,} customers: a segment "
        f"comes back with a mean Jaccard similarity of {settings.stable_jaccard:g} or more",
    )
    restarts = "one fit" if settings.restarts in ("auto", 1) else f"{settings.restarts} fits"
    yield "each k", f"{restarts} of at most {settings.max_iterations} iterations, seed {settings.seed}"
    yield "many customers", f"above {settings.seeding_sample:,} each k is fitted on a sample and measured on all"


def _model(config: RunConfig) -> Entries:
    model, days = config.model, config.features.window_days
    moves = f"{100 * model.max_refit_moves:g} %"
    yield (
        "model.refit",
        {
            "auto": "auto: the model of the run before scores the customers until it is too old or they drifted",
            "always": "always: each run fits a new model",
            "never": "never: the model of the run before scores the customers",
        }[model.refit],
    )
    if model.refit == "auto":
        yield "too old", f"fitted as of more than {model.max_age_days} days before"
        yield "a new model", f"is taken unless it moves more than {moves} of the customers without a new line"
    yield "lines that count", "all" if days is None else f"those of the {days} days before the day of the run"


def _scores(config: RunConfig) -> Entries:
    """Yield how each score is cut, and the rules in order."""
    rfm = config.rfm
    multiples = ", ".join(f"{multiple:g}" for multiple in rfm.gap_multiples)
    yield (
        "recency_score",
        {
            "gaps": f"5 to 1 by days since the last order: cut at {multiples} times the repeat buyers' median gap",
            "fifths": "5 to 1 by days since the last order: fifths of all customers",
            "days": f"5 to 1 by days since the last order: cut at {_numbers(rfm.recency_days)}",
        }[rfm.recency],
    )
    yield (
        "frequency_score",
        {
            "repeat_quartiles": "1 for one order, 2 to 5 by quarters of the repeat buyers",
            "fifths": "1 to 5 by orders: fifths of all customers",
            "orders": f"1 to 5 by orders: cut at {_numbers(rfm.orders)}",
        }[rfm.frequency],
    )
    yield (
        "monetary_score",
        {
            "fifths": "1 to 5 by spend: fifths of all customers",
            "money": f"1 to 5 by spend: cut at {_numbers(rfm.money)}",
        }[rfm.monetary],
    )
    yield "figures", f"{config.figures}: {config.spend}, {config.orders} and {config.recency} count"
    for number, rule in enumerate(rfm.rules, start=1):
        when = ", ".join(_range(key, *limits) for key, limits in rule.when.items())
        yield f"{number} {rule.name}", when or "all others"


def _numbers(values: Sequence[float] | None) -> str:
    return ", ".join(f"{value:g}" for value in values or ())


def _range(key: str, low: float | None, high: float | None) -> str:
    if low is None:
        return f"{key} up to {high:g}"
    if high is None:
        return f"{key} from {low:g}"
    return f"{key} {low:g}" if low == high else f"{key} {low:g} to {high:g}"


def _naming(config: RunConfig) -> Entries:
    if config.naming.scheme == "levels":
        yield "levels", "by spend and frequency of each centre, such as Low Spend, High Frequency"
        return
    share = f"{100 * config.naming.min_share:g} %"
    yield "rules", f"what at least {share} of a segment's customers share, such as Champions or High Spend, Frequent"


def _gates(config: RunConfig) -> Entries:
    limits = {name: limit for name, limit in config.quality_gates.model_dump().items() if limit is not None}
    for name, limit in limits.items():
        yield name, f"{limit:g}"
    if not limits:
        yield "none", "every run that passes its audit is published"


def _output(config: RunConfig, output: str | None) -> Entries:
    yield "lake", output or "(--output LAKE)"
    yield "tables", ", ".join(s.tables_of(config.input_fields))
    yield "merchandise", f"stock codes that match {config.rollups.merchandise_pattern}"
    yield "also", "report/index.html, charts/, model/, manifest.json"
    readers = "their owner" if config.lake.sensitive_mode == "owner" else "their owner's group"
    yield "personal data", f"rejected_transactions and exports/ can be read by {readers} only"
    yield "currency", config.charts.currency or "none"


def _entry(label: str, text: str) -> list[str]:
    """Return a label with its text in the next column, or below a label that is too long for its own."""
    indent = " " * (LABEL_WIDTH + 2)
    first, *others = wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False) or [""]
    if len(label) >= LABEL_WIDTH:
        return [f"  {label}", first, *others]
    return [f"  {label.ljust(LABEL_WIDTH)}{first.strip()}".rstrip(), *others]
