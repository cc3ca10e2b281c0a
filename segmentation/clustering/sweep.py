"""Scaled points → the best fit of KMeans for every k (Spark), with figures that are those of all customers.

Few customers, at most `clustering.seeding_sample`: the search for starting centres sees all of them, and every k is
fitted on all. Many: every k is searched and fitted on a weighted sample and then measured on all customers; the chosen
k alone is fitted on all. A sweep of many so costs a few passes over them, not hundreds.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.ledger import (
    _listed,
)
from segmentation.clustering.kmeans import Data, Fit, as_centres, best_fit, data_of, grown_start
from segmentation.clustering.metrics import Centres, cluster_indices, measure, squared_distance
from segmentation.clustering.scaling import POINT, SCALED, Preparation
from segmentation.clustering.seeding import Points, settled, starting_centres
from segmentation.config.settings import ClusteringSettings
from segmentation.errors import InputError
from segmentation.sampling import uniform

# Of many customers. Measured on 434,000 of four kinds: a k's best centres on 10,000 are up to 0.2 % worse over all
# customers than the best over all, on 40,000 up to 0.04 %.
FITTED_SAMPLE = 40_000
# The search is on its way to the sample that is fitted: on half as many customers as of few, with three starts
# finished, it ended there no worse than a full search (three data sets, k to 10), in a third to a fifth of its time.
SEARCHED_SHARE = 0.5
FINISHED_STARTS = 3
# The chosen fit starts close to its end: on 434,000 customers WSSSE was then that of a fit on all, to seven digits.
LAST_ITERATIONS = 10
WEIGHT = "weight"
SEARCH_WEIGHT = "search_weight"


def sweep(preparation: Preparation, ks: Sequence[int], settings: ClusteringSettings) -> list[Fit]:
    """The best fit for k = 1, in closed form, and for each of `ks` (ascending, each >= 2); WSSSE never rises with k."""
    if _are_many(preparation, settings):
        return _sampled_sweep(preparation, ks, settings)
    return _full_sweep(preparation, ks, settings)


def settle(
    preparation: Preparation,
    fits: Sequence[Fit],
    chosen_k: Callable[[Sequence[Fit]], int],
    settings: ClusteringSettings,
) -> list[Fit]:
    """The fits of a sweep with the chosen one fitted on all customers, if it was not.

    Where its new figures let another k be chosen, that is fitted too: nothing is chosen by figures that are not in the
    table.
    """
    final, fitted_on_all = list(fits), {1}
    while _are_many(preparation, settings) and (k := chosen_k(final)) not in fitted_on_all:
        fitted_on_all.add(k)
        final = [_fit_on_all(preparation, fit.centres, settings) if fit.k == k else fit for fit in final]
        final = _never_rising(preparation, final, settings)
    return final


def _are_many(preparation: Preparation, settings: ClusteringSettings) -> bool:
    return preparation.count > settings.seeding_sample


def _one(preparation: Preparation) -> Fit:
    return Fit(1, (preparation.mean,), preparation.total_squares, 0, 0.0)


def _full_sweep(preparation: Preparation, ks: Sequence[int], settings: ClusteringSettings) -> list[Fit]:
    """Every k searched and fitted on all customers."""
    points = preparation.points
    everyone = np.array([row[POINT] for row in points.select(POINT).collect()])  # at most `seeding_sample` rows
    starts = starting_centres(everyone, np.ones(len(everyone)), ks, settings.seed)
    data = data_of(points)
    fits = [_one(preparation)]
    for fit in _fits(data, [as_centres(starts[k]) for k in ks], settings):
        # Rare: a fit grown from the one before can only do better than that.
        worse = fit.wssse > fits[-1].wssse
        fits.append(best_fit(data, grown_start(fits[-1].centres, everyone), settings) if worse else fit)
    centres, wssse = [fit.centres for fit in fits], [fit.wssse for fit in fits]
    indices = cluster_indices(everyone, centres, wssse, preparation.total_squares)
    return [replace(fit, indices=of_fit) for fit, of_fit in zip(fits, indices, strict=True)]


def _sampled_sweep(preparation: Preparation, ks: Sequence[int], settings: ClusteringSettings) -> list[Fit]:
    """Every k searched and fitted on a sample, and measured on all customers."""
    sample = _sample(preparation, settings).persist()
    starts = _sampled_starts(preparation, sample, ks, settings)
    fits = [_one(preparation), *_fits(data_of(sample, WEIGHT), starts, settings)]
    sample.unpersist()
    return _never_rising(preparation, _measured(preparation, fits, settings), settings)


def _fits(data: Data, starts: Sequence[Centres], settings: ClusteringSettings) -> list[Fit]:
    restarts = 1 if settings.restarts == "auto" else settings.restarts
    with ThreadPoolExecutor(settings.parallel_fits) as pool:
        return list(pool.map(lambda start: best_fit(data, start, settings, restarts), starts))


def _measured(preparation: Preparation, fits: Sequence[Fit], settings: ClusteringSettings) -> list[Fit]:
    """The fits with WSSSE and indices over all customers."""
    measured = measure(
        preparation.points, POINT, [fit.centres for fit in fits], preparation.total_squares, settings.parallel_fits
    )
    return [replace(fit, wssse=one.wssse, indices=one.indices) for fit, one in zip(fits, measured, strict=True)]


def _never_rising(preparation: Preparation, fits: Sequence[Fit], settings: ClusteringSettings) -> list[Fit]:
    """The fits, one that is worse than that of a smaller k grown from it on all customers instead: rare."""
    kept = [fits[0]]
    for fit in fits[1:]:
        if fit.wssse > kept[-1].wssse:
            start = grown_start(kept[-1].centres, np.array(fit.centres))
            kept.append(_fit_on_all(preparation, start, settings))
        else:
            kept.append(fit)
    return kept


def _fit_on_all(preparation: Preparation, start: Centres, settings: ClusteringSettings) -> Fit:
    last = settings.model_copy(update={"max_iterations": min(settings.max_iterations, LAST_ITERATIONS)})
    fit = best_fit(data_of(preparation.points.select(SCALED)), start, last)
    return _measured(preparation, [fit], settings)[0]


def _sample(preparation: Preparation, settings: ClusteringSettings) -> DataFrame:
    """Rows of `scaled`, `point`, `weight`, how many customers it stands for, and `search_weight`, the same among the
    rows of the smaller sample for the search, NULL for others.

    Half of the chance is even, half in proportion to the squared distance from the mean, so that the few who spend
    most are in it (lightweight coresets: O. Bachem, M. Lucic, A. Krause, 2018).
    """
    most = max(FITTED_SAMPLE, settings.seeding_sample)
    drawn = uniform(F.lit(settings.seed), F.col(s.CUSTOMER_ID))
    fitted, searched = _chance(preparation, most), _chance(preparation, SEARCHED_SHARE * settings.seeding_sample)
    return (
        preparation.points.select(
            SCALED, POINT, drawn.alias("drawn"), fitted.alias("fitted"), searched.alias("searched")
        )
        .where("drawn < fitted")
        .select(
            SCALED,
            POINT,
            (1 / F.col("fitted")).alias(WEIGHT),
            F.when(F.col("drawn") < F.col("searched"), 1 / F.col("searched")).alias(SEARCH_WEIGHT),
        )
        .limit(2 * most)  # the expected number is at most `most`
    )


def _chance(preparation: Preparation, most: float) -> Column:
    """The chance of a point to be among about `most`; `uniform` is below 1, and so a chance of 1 is certain."""
    if preparation.total_squares == 0:
        return F.lit(min(1.0, most / preparation.count))
    far = squared_distance(F.col(POINT), preparation.mean) / F.lit(preparation.total_squares)
    return F.least(F.lit(1.0), F.lit(0.5 * most) * (F.lit(1.0 / preparation.count) + far))


def _sampled_starts(
    preparation: Preparation, sample: DataFrame, ks: Sequence[int], settings: ClusteringSettings
) -> list[Centres]:
    """For each of `ks` the best centres of the smaller sample, settled in the larger one."""
    rows = sample.select(POINT, WEIGHT, SEARCH_WEIGHT).collect()  # bounded by the sample's limit
    fitted = _table(preparation, [(row[POINT], row[WEIGHT]) for row in rows])
    searched = _table(preparation, [(row[POINT], row[SEARCH_WEIGHT]) for row in rows if row[SEARCH_WEIGHT]])
    # Every k up to the largest: each is grown from the one before, and so is the same whichever are wanted.
    up_to = range(2, max(ks, default=1) + 1)
    starts = starting_centres(*searched, up_to, settings.seed, FINISHED_STARTS)
    ends = settled(*fitted, starts, settings.seed)
    return [as_centres(ends[k]) for k in ks]


def _table(preparation: Preparation, rows: Sequence[tuple[Sequence[float], float]]) -> tuple[Points, Points]:
    """Points and weights, with as many different points as the largest k needs, however small the sample."""
    points = [point for point, _ in rows] + list(preparation.different)
    weights = [weight for _, weight in rows] + [1.0] * preparation.distinct
    return np.array(points), np.array(weights)


def require_customers(preparation: Preparation, k: int | str, counts: Mapping[str, int]) -> None:
    """InputError where the customers are too few, or too much alike, for any segments, or for so many as are set.

    `counts` are the lines read by rule, which tell what became of the lines of others.
    """
    count = preparation.count
    became = f"of {sum(counts.values()):,} lines read: {_listed(counts)}"
    if count < 2:
        raise InputError(f"there is {count} customer with a sale: segments need at least 2 ({became})")
    if isinstance(k, int) and count < k:
        raise InputError(f"customers = {count} should be >= clustering.k = {k}: lower it, or give more data ({became})")
    if isinstance(k, int) and 1 < preparation.distinct < k:
        raise InputError(
            f"the {count} customers have only {preparation.distinct} different values of the clustered features: "
            f"clustering.k = {k} is more than can be told apart"
        )


def ks_to_fit(preparation: Preparation, wanted: ClusteringSettings) -> list[int]:
    """Every k to fit: the configured range, with a fixed k, as far as the customers differ.

    InputError where they differ too little for the range.
    """
    ks = range(wanted.smallest_k, min(wanted.largest_k, preparation.distinct) + 1)
    if not ks and preparation.distinct > 1:
        raise InputError(
            f"the {preparation.count} customers have only {preparation.distinct} different values of the clustered "
            f"features: clustering.k_min = {wanted.k_min} is more than can be told apart"
        )
    return list(ks)
