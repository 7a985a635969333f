"""Metrics of annotation and of their comparison; every denominator and tie rule is stated where it is defined."""

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

__all__ = [
    "UNASSIGNED",
    "Comparison",
    "accuracy",
    "annotation_scores",
    "cohen_kappa",
    "consistency",
    "corrected_t_test",
    "coverage",
    "holm",
    "macro_f1",
    "median_f1",
    "paired_bootstrap",
    "per_type_scores",
]
