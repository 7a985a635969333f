"""Metrics of annotation, of retrieval and of their comparison; each states its denominator and its tie rule.

The names of retrieval are imported when they are first used: every method imports this package for `UNASSIGNED`, and
is neither to load compiled loops for it nor to run again when they change. A script that scores retrieval imports
`schash.metrics.retrieval` itself, so that the digest of its code sees it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from schash.metrics.annotation import (
    UNASSIGNED,
    accuracy,
    annotation_scores,
    cohen_kappa,
    consistency,
    coverage,
    macro_f1,
    median_f1,
    per_type_scores,
)
from schash.metrics.comparison import Comparison, corrected_t_test, holm, paired_bootstrap

if TYPE_CHECKING:
    from schash.metrics.ranked import RankedRelevance, rank_by_distance, rank_neighbors
    from schash.metrics.retrieval import (
        average_precision_at_k,
        ceiling_at_k,
        expected_average_precision_at_k,
        expected_precision_at_n,
        precision_at_n,
        retrieval_scores,
    )

_WHERE = {
    "RankedRelevance": "schash.metrics.ranked",
    "average_precision_at_k": "schash.metrics.retrieval",
    "ceiling_at_k": "schash.metrics.retrieval",
    "expected_average_precision_at_k": "schash.metrics.retrieval",
    "expected_precision_at_n": "schash.metrics.retrieval",
    "precision_at_n": "schash.metrics.retrieval",
    "rank_by_distance": "schash.metrics.ranked",
    "rank_neighbors": "schash.metrics.ranked",
    "retrieval_scores": "schash.metrics.retrieval",
}

__all__ = [
    "UNASSIGNED",
    "Comparison",
    "RankedRelevance",
    "accuracy",
    "annotation_scores",
    "average_precision_at_k",
    "ceiling_at_k",
    "cohen_kappa",
    "consistency",
    "corrected_t_test",
    "coverage",
    "expected_average_precision_at_k",
    "expected_precision_at_n",
    "holm",
    "macro_f1",
    "median_f1",
    "paired_bootstrap",
    "per_type_scores",
    "precision_at_n",
    "rank_by_distance",
    "rank_neighbors",
    "retrieval_scores",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
