"""How far a mean may move before it is drift.

The tolerance is K times a standard deviation, and never below the floor of the metric (`directions`). The deviation is
the first of these that there is, and the table says which:

seeds
    of the mean over folds from seed to seed, of the same suite (`schash.regression.spread`)
folds
    of the mean as the folds show it: their standard deviation over the root of their number; of a pooled score too.
    Where the folds are the same cells it is that of what each fold moved by: how much folds differ says nothing of
    how far the mean may move when none of them changes
kin
    from seed to seed of the same method, experiment and metric in another suite, the largest over its data sets; else
    of any method there

`floor` says that the floor is larger than that, or that there is nothing to go by; where the folds are the same cells,
facts about them, what is exact by its nature and metrics without an entry have no deviation. Where the folds are not
the same cells (another seed, other splits), both sides are draws of their own: root 2 wider.

With K = 3 the tolerance of five seeds is the half-width of a 95% prediction interval for a sixth one,
t(0.975; 4) * sqrt(1 + 1/5) = 3.04. Runs of the same code and seed give the same numbers and need no tolerance at all;
it is for changes that draw or add up in another way and lose nothing.
"""

import numpy as np
import pandas as pd

from schash.regression.directions import EXACT, FACT, UNKNOWN, rule_of
from schash.regression.reading import KEY

K = 3.0
MIN_FOLDS = 3
UNPAIRED = 2**0.5


def with_tolerances(pairs: pd.DataFrame, spread: pd.DataFrame | None, suite: str) -> pd.DataFrame:
    """Add `tolerance` and `tolerance_from` to PAIRED_COLUMNS. spread : SPREAD_COLUMNS of this suite or of another."""
    seeds, kin = _by_seeds(pairs, spread, suite)
    folds = _by_folds(pairs)
    deviation = seeds.fillna(folds).fillna(kin)
    source = np.select([seeds.notna(), folds.notna(), kin.notna()], ["seeds", "folds", "kin"], "floor")
    rules = [rule_of(metric) for metric in pairs["metric"]]
    size = pairs["reference"].abs().fillna(0.0)
    floor = np.maximum([rule.absolute for rule in rules], [rule.relative for rule in rules] * size)
    facts = np.array([rule in (EXACT, FACT, UNKNOWN) for rule in rules], bool) & pairs["paired"].to_numpy()
    allowed = K * deviation.fillna(0.0).where(~facts, 0.0)
    source = np.where(allowed > floor, source, "floor")
    widened = np.where(pairs["paired"], 1.0, UNPAIRED)
    return pairs.assign(tolerance=np.maximum(allowed, floor) * widened, tolerance_from=source)


def _by_folds(pairs: pd.DataFrame) -> pd.Series:
    """Standard error of the mean over folds; that of the same metric's folds for a pooled score."""
    keys = KEY[:-1]
    rows = pairs[(pairs["over"] == "folds") & (pairs["folds"] >= MIN_FOLDS)]
    paired = np.minimum(rows["difference_sd"], rows["reference_sd"])
    deviation = rows["reference_sd"].where(~rows["paired"], paired)
    errors = (deviation / np.sqrt(rows["folds"])).set_axis(pd.MultiIndex.from_frame(rows[keys]))
    return pd.Series(errors.reindex(pd.MultiIndex.from_frame(pairs[keys])).to_numpy(), pairs.index)


def _by_seeds(pairs: pd.DataFrame, spread: pd.DataFrame | None, suite: str) -> tuple[pd.Series, pd.Series]:
    """Deviations from seed to seed: of the same row in this suite, and of its kin in another."""
    nothing = pd.Series(np.nan, pairs.index)
    if spread is None or spread.empty:
        return nothing, nothing
    own, other = spread[spread["suite"] == suite], spread[spread["suite"] != suite]
    keys = pd.MultiIndex.from_frame(pairs[KEY])
    seeds = pd.Series(own.set_index(KEY)["sd"].reindex(keys).to_numpy(), pairs.index)
    kin = nothing
    for columns in (["experiment", "method", "name", "over"], ["experiment", "name", "over"]):
        named = other.assign(name=_names(other))
        largest = named.groupby(columns)["sd"].max()
        found = largest.reindex(pd.MultiIndex.from_frame(pairs.assign(name=_names(pairs))[columns]))
        kin = kin.fillna(pd.Series(found.to_numpy(), pairs.index))
    return seeds, kin


def _names(table: pd.DataFrame) -> pd.Series:
    """Metrics without what stands in brackets: sizes differ between suites."""
    return table["metric"].map(lambda metric: metric.partition("[")[0])
