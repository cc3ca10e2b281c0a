"""What a configuration will do, in words: `--explain`. Nothing is run for it."""

from collections.abc import Iterator, Sequence
from datetime import date
from textwrap import wrap

from segmentation import schemas as s
from segmentation.cleaning import rules
from segmentation.config.settings import ClusteredFeature, RunConfig
from segmentation.redaction import shown

NOTHING_DONE = "Nothing was read or run."
ONLY_LOOKED_INTO = "Nothing was run; of the files only headers and some lines were read."
WIDTH = 80
LABEL = 24
SCALED = {
    "standard": "less the mean, divided by the standard deviation",
    "robust": "less the median, divided by the distance of the quartiles",
    "min_max": "to between 0 and 1",
}


def explanation_of(
    config: RunConfig, inputs: Sequence[str], output: str | None, as_of: date | None, is_guessed: bool = False
) -> str:
    """The configuration stage by stage, each key with what it does, within 80 columns.

    For one that `is_guessed` the files were looked into, which its last line tells.
    """
    lines = [f"What this configuration does: {shown(config.title)}"]
    for heading, entries in (
        ("Input", _input(config, inputs)),
        ("Cleaning, the rules in order", _rules(config, as_of)),
        ("Features that are clustered", map(_feature, config.clustering.features)),
        ("Number of segments", _clustering(config)),
        ("Names", _names(config)),
        ("Quality gates", _gates(config)),
        ("Output", _output(config, output)),
    ):
        lines += ["", heading]
        for label, text in entries:
            lines += _entry(shown(label), shown(text))
    return "\n".join([*lines, "", ONLY_LOOKED_INTO if is_guessed else NOTHING_DONE])


def _entry(label: str, text: str) -> list[str]:
    """A label and its text beside it; below it where it is too long for its column."""
    indent = " " * (LABEL + 2)
    first, *others = wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False) or [""]
    if len(label) >= LABEL:
        return [f"  {label}", first, *others]
    return [f"  {label.ljust(LABEL)}{first.strip()}".rstrip(), *others]


def _input(config: RunConfig, inputs: Sequence[str]) -> Iterator[tuple[str, str]]:
    if inputs:
        yield "files", ", ".join(inputs)
    how = config.input
    yield "format", "by each file's content, then its ending" if how.format == "auto" else how.format
    delimiter = "comma, semicolon, tab or bar" if how.csv.delimiter == "auto" else repr(how.csv.delimiter)
    encoding = "recognised" if how.csv.encoding == "auto" else how.csv.encoding
    yield "CSV", f"delimiter {delimiter}; encoding {encoding}; {'' if how.csv.multiline else 'no '}line ends in fields"
    yield "sheets", "all" if how.sheets == "all" else ", ".join(how.sheets)
    for field in s.LINE_FIELDS:
        yield field, f"<- {how.columns.by_field[field]}"


def _rules(config: RunConfig, as_of: date | None) -> Iterator[tuple[str, str]]:
    settings = config.cleaning
    for number, (rule, criterion) in enumerate(rules.criteria(settings, as_of).items(), start=1):
        yield f"{number} {rule}", "switched off" if rule in settings.switched_off else f"rejects: {criterion}"
    missing = ", ".join(settings.missing_customer_ids)
    yield "guest", f"kept for countries and products, not for segments: no customer id, or one of {missing}"


def _feature(clustered: ClusteredFeature) -> tuple[str, str]:
    steps = []
    if clustered.transform == "log1p":
        steps.append("log(1 + x)")
    if clustered.winsorise:
        low, high = clustered.winsorise
        steps.append(f"limited to its quantiles {low:g} and {high:g}")
    steps.append(f"{clustered.scale}: {SCALED[clustered.scale]}")
    return clustered.feature, "; ".join(steps)


def _clustering(config: RunConfig) -> Iterator[tuple[str, str]]:
    settings = config.clustering
    yield "k tried", f"{min(settings.k_min, settings.smallest_k)} to {settings.largest_k}"
    chosen = {
        "auto": "the elbow: the k farthest below the chord of the WSSSE curve; the best silhouette where there is none",
        "silhouette": "the best silhouette",
    }
    yield "k chosen", chosen.get(str(settings.k), f"{settings.k}, as the configuration says")
    restarts = "one fit" if settings.restarts in ("auto", 1) else f"{settings.restarts} fits"
    yield "each k", f"{restarts} of at most {settings.max_iterations} iterations, seed {settings.seed}"
    yield "many customers", f"beyond {settings.seeding_sample:,} each k is searched on a sample and measured on all"


def _names(config: RunConfig) -> Iterator[tuple[str, str]]:
    if config.naming.scheme == "levels":
        yield "levels", "by spend and frequency of each centre, such as Low Spend, High Frequency"
        return
    yield "rules", "the first that fits, by scores of 1 (worst) to 5 (best) by fifths of all customers"
    for rule in config.naming.rules:
        when = ", ".join(f"{feature} {low} to {high}" for feature, (low, high) in rule.when.items())
        yield rule.name, when or "all others"


def _gates(config: RunConfig) -> Iterator[tuple[str, str]]:
    limits = {name: limit for name, limit in config.quality_gates.model_dump().items() if limit is not None}
    for name, limit in limits.items():
        yield name, f"{limit:g}"
    if not limits:
        yield "none", "every run that passes its audit is published"


def _output(config: RunConfig, output: str | None) -> Iterator[tuple[str, str]]:
    yield "lake", output or "(--output LAKE)"
    yield "tables", ", ".join(s.TABLES)
    yield "goods", f"stock codes that match {config.rollups.merchandise_pattern}"
    yield "beside them", "report/index.html, charts/, model/, manifest.json"
    yield "currency", config.charts.currency or "none"
