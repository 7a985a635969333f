"""How much of each headline result is due to which divergence between the paper and its code: the table behind it.

Annotation (Fig. 2a) is median and macro F1; retrieval (Table 2) is mAP@k at the mean number of cells a type, over the
80% of the cells that the models are fitted on, by its denominator and its ties. Every variant is compared with the
first method of the experiment, scDeepHash as written, in the same folds.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from schash.errors import DataError
from schash.marks import status_in_words
from schash.metrics.comparison import corrected_interval
from schash.retrieval_ids import SHARE_AT_CEILING, map_metric
from schash.tables import POOLED, conform, empty

ANNOTATION, RETRIEVAL = "annotation", "retrieval"
STANDARD, HITS = "min_k_r", "hits"
F1_METRICS = {"median_f1": "median F1", "macro_f1": "macro F1"}
K = "1x"


def retrieval_metric(denominator: str, ties: str = "averaged") -> str:
    """The mAP@k of the table with that denominator and way of ties."""
    return map_metric(K, denominator, ties, "queries", "db80")


MAPS = [
    retrieval_metric(denominator, ties) for denominator in (STANDARD, HITS) for ties in ("averaged", "by_row")
]
BLOCKS = {ANNOTATION: list(F1_METRICS), RETRIEVAL: MAPS}
KEYS = ["dataset", "scheme", "method"]

VARIANT_COLUMNS = (
    dict.fromkeys(("block", *KEYS, "title", "metric"), "str")
    | dict.fromkeys(("mean", "sd"), "float64")
    | {"n_folds": "int64"}
    | dict.fromkeys(("difference", "low", "high"), "float64")
    | dict.fromkeys(("status", "reason"), "str")
)
"""`difference` to the first method, mean over the same folds, with its 95% interval (corrected_interval). A variant
with a fold that did not run has one row a block, without numbers, with its status in words."""


def variants(
    annotation: pd.DataFrame,
    retrieval: pd.DataFrame | None,
    titles: Mapping[str, str],
    controls: Sequence[str] = (),
    positive_controls: Sequence[str] = (),
) -> pd.DataFrame:
    """VARIANT_COLUMNS of both blocks; controls are left out.

    annotation, retrieval : EXPERIMENT_COLUMNS

    Raises
    ------
    DataError
        if a positive control is not at the ceiling of retrieval: then the scoring is wrong
    """
    if retrieval is not None:
        _check_ceiling(retrieval, positive_controls)
    tables = {ANNOTATION: annotation, RETRIEVAL: retrieval}
    parts = [_block(name, scores, controls) for name, scores in tables.items() if scores is not None]
    table = pd.concat([part for part in parts if len(part)] or [empty(VARIANT_COLUMNS)], ignore_index=True)
    table["title"] = table["method"].map(titles).fillna(table["method"])
    return conform(table, VARIANT_COLUMNS, name="variants")


def _check_ceiling(retrieval: pd.DataFrame, positive_controls: Sequence[str]) -> None:
    of_control = retrieval["method"].isin(positive_controls)
    ceiling = retrieval[of_control & (retrieval["metric"] == SHARE_AT_CEILING)]
    low = ceiling[ceiling["value"] != 1]
    if len(low):
        first = low.iloc[0]
        message = (
            f"retrieval of variants: the positive control on {first['dataset']}, fold {first['fold']}, reaches the "
            f"ceiling of {first['value']:.6g} of the scores, not of all: trust no number"
        )
        raise DataError(message)


def _block(name: str, scores: pd.DataFrame, controls: Sequence[str]) -> pd.DataFrame:
    shown = scores[(scores["fold"] != POOLED) & ~scores["method"].isin(controls)]
    rows = []
    for (dataset, scheme), here in shown.groupby(["dataset", "scheme"], sort=False):
        runs = dict(list(here.groupby("method", sort=False)))
        words = {method: _status(run) for method, run in runs.items()}
        first = next(iter(runs))
        for method, run in runs.items():
            common = {"block": name, "dataset": dataset, "scheme": scheme, "method": method, "title": ""}
            if words[method][0]:
                nothing = dict.fromkeys(("mean", "sd", "difference", "low", "high"), np.nan)
                status = dict(zip(("status", "reason"), words[method], strict=True))
                rows.append(common | nothing | status | {"metric": "", "n_folds": 0})
                continue
            reference = runs[first] if not words[first][0] else None
            rows += [common | _numbers(run, reference, metric) for metric in BLOCKS[name]]
    return pd.DataFrame(rows, columns=list(VARIANT_COLUMNS))


def _status(run: pd.DataFrame) -> tuple[str, str]:
    folds = run.drop_duplicates("fold")
    reasons = folds.loc[folds["status"] != "ok", "reason"]
    return status_in_words(folds["status"]), next(iter(reasons), "")


def _numbers(run: pd.DataFrame, reference: pd.DataFrame | None, metric: str) -> dict[str, object]:
    values, against = (
        part[part["metric"] == metric].set_index("fold") if part is not None else None
        for part in (run, reference)
    )
    assert values is not None
    scores = values["value"]
    numbers = {"metric": metric, "n_folds": len(scores), "status": "ok", "reason": ""}
    differences = scores - against["value"] if against is not None else scores * np.nan
    whole = len(scores) > 0 and bool(scores.notna().all())
    paired = whole and len(scores) > 1 and bool(differences.notna().all())
    low, high = corrected_interval(differences) if paired else (np.nan, np.nan)
    unknown = values.loc[scores.isna(), "reason"]
    return numbers | {
        "mean": scores.mean() if whole else np.nan,
        "sd": scores.std() if whole else np.nan,
        "difference": differences.mean() if whole else np.nan,
        "low": low,
        "high": high,
        "reason": next(iter(unknown), ""),
    }
