"""Whether the model of the run before scores the customers or a new one is fitted, and what its segments are called.

Actions of Spark: loading the model of an earlier run; the question whether customers drifted; of a new model those of
`clustering`, of the cuts, of the description of its customers, and of the comparison with the model before; the names.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame

from segmentation import schemas as s
from segmentation.changes import collected_movements, compared, first_seen, refit_share
from segmentation.clustering.choose_k import Choice
from segmentation.clustering.drift import describe_training, drift_in_words
from segmentation.clustering.identity import Event
from segmentation.clustering.kept_names import keep_names
from segmentation.clustering.kmeans import Fit
from segmentation.clustering.levels import SegmentName
from segmentation.clustering.naming import name_segments
from segmentation.clustering.scaling import Preparation, prepare, to_cluster
from segmentation.clustering.segment_model import Refusal, Segment, SegmentModel
from segmentation.clustering.segments import (
    cluster_model,
    ordered_by_spend,
    sweep_row,
    with_distances,
    with_position,
)
from segmentation.clustering.sweep import choose_and_refit, ks_to_fit, require_customers, sweep
from segmentation.config.model import ModelSettings
from segmentation.context import InputContext, RunContext
from segmentation.errors import ConfigError, counted
from segmentation.intake import CleanedLines
from segmentation.lake.lineage import EarlierRun, open_earlier
from segmentation.lake.manifest import BuildsUpon
from segmentation.scoring.cuts import Cuts, find_cuts
from segmentation.scoring.reasons import described_customers
from segmentation.scoring.words import Words, rules_in_words
from segmentation.successor import successor_of, with_kept_segment

logger = logging.getLogger(__name__)

NO_NAME = SegmentName("", "")
# A new model that would move too many customers today would do so tomorrow: the next is fitted after these days.
DAYS_BETWEEN_FITS = 7


@dataclass(frozen=True)
class Earlier:
    """The published runs that a run builds upon, opened. Both are often the same."""

    predecessor: EarlierRun | None = None
    given: EarlierRun | None = None


@dataclass(frozen=True)
class ChosenModel:
    """The model that segments the customers of a run, not yet with names of its own.

    `k_sweep` are the rows of that table, `is_fitted` says that the run fitted the model, and `why` says why or why not.
    `names_before` are those that its segments had, by position, None for new ones; `events` what became of segments.
    """

    model: SegmentModel
    k_sweep: Sequence[Mapping[str, Any]]
    is_fitted: bool
    why: str
    names_before: Sequence[SegmentName | None]
    events: Sequence[Event] = ()


@dataclass(frozen=True)
class NamedSegments:
    """The model with its names, those that a fresh look would give by position, and the scores in words."""

    model: SegmentModel
    suggested: Sequence[str]
    words: Words
    rules: Mapping[str, str]
    renamed: Sequence[Mapping[str, Any]]


def open_earlier_runs(context: RunContext, builds_upon: BuildsUpon) -> Earlier:
    """Open the runs that a run builds upon. Raises ConfigError if it needs a model, and there is none."""
    lake = context.staged.lake
    if builds_upon.model is None and context.config.model.refit == "never":
        raise ConfigError("model.refit is never, and the lake has no earlier run of this configuration: use --refit")
    opened = {run_id: open_earlier(lake, run_id) for run_id in {builds_upon.predecessor, builds_upon.model} if run_id}
    return Earlier(opened.get(builds_upon.predecessor or ""), opened.get(builds_upon.model or ""))


def choose_model(context: RunContext, lines: CleanedLines, customers: DataFrame, earlier: Earlier) -> ChosenModel:
    """Take the model of an earlier run, or fit a new one: `model.refit` says which.

    Raises: InputError if the customers are too few to fit one.
    """
    settings, given = context.config.model, earlier.given
    if given is None:
        fitted = fit_model(context, lines, customers)
        why = (
            "a new model was asked for"
            if earlier.predecessor
            else "the lake had no run of these settings as of an earlier day"
        )
        return as_successor(context, fitted, earlier.predecessor, customers, why)
    is_asked_for = context.request.model is not None or settings.refit == "never"
    next_id = context.lineage.next_segment_id(lines.as_of)
    reason = "" if is_asked_for else reason_to_refit(context, given.model, customers, lines.as_of)
    if not reason:
        return scored_by(given, earlier.predecessor, reason_to_keep(context, given.model, lines.as_of), next_id)
    if (waits := reason_to_wait(given.model, settings, lines.as_of)) is not None:
        return scored_by(given, earlier.predecessor, f"{reason}, but {waits}", next_id)
    fitted = as_successor(context, fit_model(context, lines, customers), earlier.predecessor, customers, reason)
    moved = refit_share(collected_movements(compare_customers(context, fitted, lines, customers, earlier)))
    if moved <= settings.max_refit_moves:
        return fitted
    logger.warning(
        "a new model, fitted because %s, would move %.1f%% of the customers without a new line, more than "
        "model.max_refit_moves = %g: the model that run %s fitted as of %s scores them. --refit takes the new one",
        *(reason, 100 * moved, settings.max_refit_moves, given.model.fitted_in, given.model.fitted_as_of),
    )
    why = f"a new one, fitted because {reason}, would move {moved:.1%} of the customers without a new line"
    return scored_by(given, earlier.predecessor, why, next_id, Refusal(lines.as_of, moved))


def reason_to_keep(context: RunContext, model: SegmentModel, as_of: date) -> str:
    """Say why a model scores the customers."""
    if context.request.model is not None:
        return "it was asked for"
    if context.config.model.refit == "never":
        return "model.refit is never"
    age = (as_of - model.fitted_as_of).days  # negative for one of a later day that a run before was asked to take
    return (
        "customers have not drifted" if age < 0 else f"it is {counted(age, 'day')} old, and customers have not drifted"
    )


def scored_by(
    given: EarlierRun,
    predecessor: EarlierRun | None,
    why: str,
    next_segment_id: int,
    refused: Refusal | None = None,
) -> ChosenModel:
    """Return the model of an earlier run, with what became known since: the next free id, and a refused refit.

    Its segments had the names of the predecessor.
    """
    model = replace(
        given.model,
        next_segment_id=max(given.model.next_segment_id, next_segment_id),
        refused=refused or given.model.refused,
    )
    had = {segment.segment_id: segment.name for run in (given, predecessor) if run for segment in run.model.segments}
    return ChosenModel(model, given.k_sweep, False, why, [had[segment_id] for segment_id in model.ids])


def reason_to_refit(context: RunContext, model: SegmentModel, customers: DataFrame, as_of: date) -> str:
    """Say why a model is too old, or no model of today's customers; empty if it is neither."""
    config = context.config
    age = (as_of - model.fitted_as_of).days
    if age > config.model.max_age_days:
        return f"the model before is {age} days old, more than model.max_age_days = {config.model.max_age_days}"
    return drift_in_words(to_cluster(model.assign(customers, config.basis), config.basis), model.training)


def reason_to_wait(model: SegmentModel, settings: ModelSettings, as_of: date) -> str | None:
    """Say since when and until when no new model is fitted, after one that would have moved too many customers."""
    refused = model.refused
    if refused is None or refused.moved <= settings.max_refit_moves:
        return None
    if not 0 <= (as_of - refused.as_of).days < DAYS_BETWEEN_FITS:
        return None
    again, moved = refused.as_of + timedelta(days=DAYS_BETWEEN_FITS), f"{refused.moved:.1%}"
    return (
        f"a new one as of {refused.as_of} would have moved {moved} of the customers without a new line: the next is "
        f"fitted from {again}"
    )


def fit_model(context: RunContext, lines: CleanedLines, customers: DataFrame) -> ChosenModel:
    """Fit KMeans for every k, and choose one. The segments' ids are their positions, and they have no names yet."""
    config, figures = context.config, context.config.basis
    preparation = prepare(to_cluster(customers, figures), config.clustering, figures)
    context.cached.append(preparation.points)
    require_customers(preparation, config.clustering.k, lines.ledger.lines_read)
    fits, choice = fit_every_k(context, preparation)
    features = config.clustering.features
    chosen, centres = ordered_by_spend(preparation, next(fit for fit in fits if fit.k == choice.k), features)
    clustering = cluster_model(preparation, chosen.centres)
    assigned = with_position(to_cluster(clustering.transform(customers), figures))
    names = [feature.feature for feature in features]
    ids = range(1, chosen.k + 1)
    training = describe_training(with_distances(assigned, chosen.centres, ids), names)
    jaccards = chosen.stability.jaccards if chosen.stability else [None] * chosen.k
    segments = [
        Segment(number, NO_NAME, centre, jaccard)
        for number, centre, jaccard in zip(ids, centres, jaccards, strict=True)
    ]
    model = SegmentModel(
        stages=clustering.stages,
        segments=segments,
        cuts=find_cuts(customers, figures, config.rfm),
        choice=choice,
        training=training,
        next_segment_id=len(segments) + 1,
        fitted_in=context.staged.run_id,
        fitted_as_of=lines.as_of,
    )
    k_sweep = [sweep_row(fit, choice, context.staged.run_id) for fit in fits]
    return ChosenModel(model, k_sweep, True, "", [None] * len(segments))


def fit_every_k(context: InputContext, preparation: Preparation) -> tuple[list[Fit], Choice]:
    """Fit KMeans for every k, and choose one."""
    settings = context.config.clustering
    return choose_and_refit(preparation, sweep(preparation, ks_to_fit(preparation, settings), settings), settings)


def as_successor(
    context: RunContext, fitted: ChosenModel, predecessor: EarlierRun | None, customers: DataFrame, why: str
) -> ChosenModel:
    """Give the segments of a new model the ids of those that they go on from. Runs the action that compares both."""
    if predecessor is None:
        return replace(fitted, why=why)
    next_id = context.lineage.next_segment_id(fitted.model.fitted_as_of)
    model, found = successor_of(fitted.model, predecessor, customers, context.config.basis, next_id)
    had = {old.segment_id: old.name for old in predecessor.model.segments}
    return replace(fitted, model=model, why=why, names_before=[had.get(number) for number in model.ids], events=found)


def compare_customers(
    context: RunContext, chosen: ChosenModel, lines: CleanedLines, customers: DataFrame, earlier: Earlier
) -> DataFrame:
    """Assign the customers, and compare them with those of the run before: the columns of `changes.compared`."""
    figures, predecessor = context.config.basis, earlier.predecessor
    if predecessor is None:
        return first_seen(chosen.model.assign(customers, figures), lines.as_of)
    if not chosen.model.is_same_as(predecessor.model):
        customers = with_kept_segment(customers, predecessor.model, figures)
    return compared(chosen.model.assign(customers, figures), predecessor.customers, lines.as_of, lines.first_day)


def with_scores(context: InputContext, customers: DataFrame, cuts: Cuts) -> tuple[DataFrame, Words]:
    """Add scores, rfm_segment and reason to customers, and return what these mean."""
    config = context.config
    words = Words(cuts, config.basis, config.charts.currency)
    return described_customers(customers, config.rfm.rules, words), words


def name_model(context: RunContext, chosen: ChosenModel, scored: DataFrame, words: Words) -> NamedSegments:
    """Name the segments: each keeps the name it had while that is true. Runs the actions of names.

    `scored` are the customers with their scores.
    """
    config, model = context.config, chosen.model
    rules = rules_in_words(config.rfm.rules, words)
    assigned = scored
    for stage in model.stages:
        assigned = stage.transform(assigned)
    assigned = with_position(to_cluster(assigned, config.basis))
    features = [dimension.feature for dimension in config.clustering.features]
    centres = [segment.centre for segment in model.segments]
    fresh = name_segments(assigned, centres, features, config.naming, words, rules)
    before = [None] * len(fresh) if context.request.rename else chosen.names_before
    new_centres = centres if chosen.is_fitted else ()
    names = keep_names(assigned, fresh, before, new_centres, config.naming, words, rules)
    renamed = [
        {s.SEGMENT_ID: segment_id, "from": old.name, "to": name.name}
        for segment_id, old, name in zip(model.ids, chosen.names_before, names, strict=True)
        if old is not None and old.name != name.name
    ]
    for change in renamed:
        logger.warning("segment %s is called %r, no longer %r", change[s.SEGMENT_ID], change["to"], change["from"])
    return NamedSegments(model.named(names), [name.name for name in fresh], words, rules, renamed)
