"""Losses of DeepHash by optimiser step, one panel a data set: does training settle?"""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from schash.plotting.style import style

COLUMNS = 4
PARTS = {
    "cell_anchor": ("cell-anchor loss (Eq. 2)", "#D55E00"),
    "quantisation": ("quantisation loss (Eq. 4)", "#0072B2"),
}
"""Columns of DeepHash's history, with their names and colours here. Their weighted sum (Eq. 5) is left out: with the
paper's lambda of 1e-4 it lies on the cell-anchor loss."""


def draw_training(history: pd.DataFrame) -> Figure:
    """`history`: dataset, method, fold, step, metric, value. A thin line a fold, one colour a loss part."""
    losses = history[history["metric"].isin(list(PARTS))]
    datasets = list(dict.fromkeys(losses["dataset"]))
    n_columns = min(COLUMNS, max(len(datasets), 1))
    n_rows = -(-max(len(datasets), 1) // n_columns)
    with style():
        figure, axes = plt.subplots(
            n_rows,
            n_columns,
            figsize=(1 + 2.7 * n_columns, 2.3 * n_rows),
            squeeze=False,
            sharey=True,
            layout="constrained",
        )
        for axis, dataset in zip(axes.flat, datasets, strict=False):
            here = losses[losses["dataset"] == dataset]
            axis.set_title(dataset, loc="left")
            axis.set_yscale("log")
            for part, (name, fill) in PARTS.items():
                folds = here[here["metric"] == part].groupby(["method", "fold"])
                for i, (_, fold) in enumerate(folds):
                    axis.plot(
                        fold["step"],
                        fold["value"],
                        color=fill,
                        alpha=0.6,
                        linewidth=0.9,
                        label=name if i == 0 else None,
                    )
        for axis in axes.flat[len(datasets) :]:
            axis.set_visible(False)
        for axis in axes[-1]:
            axis.set_xlabel("optimiser step")
        for axis in axes[:, 0]:
            axis.set_ylabel("loss")
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(PARTS), frameon=False)
    return figure
