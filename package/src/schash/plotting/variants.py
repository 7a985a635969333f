"""Paper against code: scDeepHash as written, each divergence of the published code alone, and all of them together."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schash.plotting.style import style
from schash.summary import summarise
from schash.tables import POOLED

METRICS = {"median_f1": "#D55E00", "macro_f1": "#0072B2"}
LABELS = {"median_f1": "median F1", "macro_f1": "macro F1"}


def variants(metrics: pd.DataFrame, comparisons: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """The table behind the figure: mean and sd of each variant, and its difference to the first one listed."""
    summary = summarise(metrics)
    reference = summary[summary["method"] == summary["method"].iloc[0]].set_index(["dataset", "metric"])[
        "mean"
    ]
    table = summary.join(reference.rename("reference"), on=["dataset", "metric"])
    table["difference_to_first"] = table["mean"] - table.pop("reference")
    table.insert(3, "title", table["method"].map(titles))
    keys = ["dataset", "method", "metric"]
    return table.merge(comparisons[[*keys, "best", "difference", "p_holm"]], on=keys, how="left")


def draw_variants(metrics: pd.DataFrame, titles: dict[str, str], controls: list[str]) -> Figure:
    """One panel a data set: mean and sd over folds of each variant, with a line at the first one listed."""
    folds = metrics[(metrics["fold"] != POOLED) & ~metrics["method"].isin(controls)]
    methods = list(dict.fromkeys(folds["method"]))
    datasets = list(dict.fromkeys(folds["dataset"]))
    summary = summarise(folds)
    with style():
        figure, axes = plt.subplots(
            1,
            len(datasets),
            figsize=(2.8 + 2.6 * len(datasets), 1.3 + 0.34 * len(methods)),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, dataset in zip(axes[0], datasets, strict=True):
            _panel(axis, summary[summary["dataset"] == dataset], folds, methods, dataset)
        axes[0][0].set_yticks(range(len(methods)), [titles.get(name, name) for name in methods])
        axes[0][0].set_ylim(len(methods) - 0.5, -0.5)
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _panel(axis: Axes, summary: pd.DataFrame, folds: pd.DataFrame, methods: list[str], dataset: str) -> None:
    axis.set_title(dataset, loc="left")
    axis.set_xlabel("mean over folds ± sd")
    axis.grid(axis="y", visible=False)
    for offset, (metric, fill) in zip((-0.14, 0.14), METRICS.items(), strict=True):
        rows = summary[summary["metric"] == metric].set_index("method").reindex(methods)
        axis.errorbar(
            rows["mean"],
            [position + offset for position in range(len(methods))],
            xerr=rows["sd"],
            fmt="o",
            color=fill,
            markersize=4.5,
            elinewidth=1.2,
            label=LABELS[metric],
        )
        axis.axvline(rows["mean"].iloc[0], color=fill, linewidth=0.8, linestyle=":")
    here = folds[folds["dataset"] == dataset]
    for position, method in enumerate(methods):
        status = here.loc[(here["method"] == method) & (here["status"] != "ok"), "status"]
        if len(status):
            axis.text(
                0.02,
                position,
                status.iloc[0],
                transform=axis.get_yaxis_transform(),
                va="center",
                style="italic",
                fontsize=7.5,
                color="#777777",
            )
