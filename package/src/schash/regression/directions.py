"""What is good for each metric, and how small a change says nothing, whatever the spread.

A metric is known by its name without what stands in brackets. Every metric of the suites has an entry (a test walks the
committed references); one that has none may not change at all, and the summary names it.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

Direction = Literal["higher", "lower", "zero", "equal", "seconds", "milliseconds", "memory", "of times"]


class Rule(NamedTuple):
    """`direction`: higher or lower is better, nearer to zero is better, any change counts; or it is a time or a memory
    (`schash.regression.timings`), or a number made of times, which is not compared. `absolute` and `relative` to the
    reference are the floor of the tolerance."""

    direction: Direction
    absolute: float = 0.0
    relative: float = 0.0
    known: bool = True


SCORE = Rule("higher", 0.005)
"""Of hundreds of cells: two or three that flip, as another order of summation may make them."""
OF_FEW = Rule("higher", 0.02)
"""Of the cells of one type or study."""
EXACT = Rule("higher", 1e-9)
SIZE = Rule("lower", relative=0.01)
GAIN = Rule("higher", relative=0.01)
ERROR = Rule("lower", 1e-6, 0.02)
FACT = Rule("equal", 1e-9, 1e-3)
"""Relative: more than the fourth digit says."""
NOT_COMPARED = Rule("of times")
UNKNOWN = Rule("equal", 1e-9, 1e-6, known=False)

_RULES: tuple[tuple[str, Rule], ...] = (
    (r"same_as_linear_scan|copies_equal", EXACT),
    (r"(consistency|kappa|median_f1)_(of|on)_.+", OF_FEW),
    (r"(median_f1|macro_f1|accuracy)(_lenient|_union)?|kappa|consistency(_2p\d+_\d+bits)?", SCORE),
    (r"coverage", Rule("equal", 0.005)),
    (r"map_at_k|precision_at_n|share_at_ceiling|recall_within_type|recall_of_linear_scan(_2p.+)?", SCORE),
    (r"purity|silhouette", OF_FEW),
    (r"top10_recall_(averaged_)?(plain_)?\d+bits", SCORE),
    (r"full_svd_variance_explained|randomized_svd_variance_captured", SCORE),
    (r"consistency_indexed_minus_linear_.+", Rule("zero", 0.005)),
    (r"angle_bias(_plain)?_\d+bits", Rule("zero", 0.003)),
    (r"angle_bias", Rule("zero", 0.03)),
    (r"angle_variance(_plain)?(_\d+bits)?", Rule("lower", relative=0.05)),
    (r"angle_variance_.+_over_.+bits", Rule("lower", relative=0.05)),
    (r"angle_.+_se", Rule("equal", relative=0.5)),
    (r".+_svd.*(error|excess|difference).*", ERROR),
    (r"annotate_slope|(search|query|index)_slope.*|.+speedup.*|throughput_.+", NOT_COMPARED),
    (r".+_time(_.+)?|.+_time_fraction|(preprocessing|query)_growth_.+|.+_query_time_growth_.+", NOT_COMPARED),
    (r"gzip_size_reduction|zstd_size_reduction|bytes_saved_over_.+", GAIN),
    (r"bytes_.+|(file|memory|scanned)_bytes|temporary_file_mb", SIZE),
    (r".+_mb", Rule("memory")),
    (r"(.+_)?ms(_at_1m|_2p\d+_\d+bits)?", Rule("milliseconds")),
    (r"(.+_)?s", Rule("seconds")),
    (
        r"cells|genes(_selected)?|cells_per_type|k|code_bits|copied|queries_in_database|perplexity|angle_true",
        FACT,
    ),
    (r"(selected_)?counts_per_(cell|query)|selected_gene_fraction|nonzero_fraction", FACT),
    (r"d10|distinct_codes|(top10_recall_by|recall_within_type)_chance", Rule("equal", 1e-9, 0.02)),
    (r"top10_recall_sd_.+", Rule("equal", relative=0.5)),
)
_COMPILED = tuple((re.compile(pattern), rule) for pattern, rule in _RULES)


@cache
def rule_of(metric: str) -> Rule:
    """The rule of a metric id, e.g. of "map_at_k[k=1x,hits,averaged,queries,db80]"."""
    name = metric.partition("[")[0]
    return next((rule for pattern, rule in _COMPILED if pattern.fullmatch(name)), UNKNOWN)


QUALITY: tuple[Direction, ...] = ("higher", "lower", "zero", "equal")
"""Directions of what the same code and seed give again to the last digit."""


def of_directions(metrics: Iterable[str], *directions: Direction) -> np.ndarray:
    """Which of the metrics have one of these directions: (n_metrics,) bool."""
    return np.array([rule_of(metric).direction in directions for metric in metrics], dtype=bool)
