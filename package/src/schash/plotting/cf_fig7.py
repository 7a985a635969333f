"""CellFishing.jl Fig. 7: a held-out batch mapped onto the others, against the mean of self-mapping.

A line of panels for each data set: consistency, Cohen's kappa, and the sizes of the clusters in the batches, which
differ and with them the scores.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import offset_copy

from schash.assignments import cluster_sizes
from schash.marks import marked_title, notes_line, status_in_words
from schash.plotting.mapping import above, data_set, size_of
from schash.plotting.rows import BAND, GREY, SMALL, add_notes, words
from schash.plotting.style import colour, style
from schash.published_mapping import SELF_MAPPING, whole_self_mapping
from schash.splits import base_scheme
from schash.tables import POOLED

SCORES = {"consistency": "consistency", "kappa": "Cohen's kappa"}
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "p")
"""Of held-out batches, in their order, the same in all panels of a data set."""
NAMES_INCHES, SCORE_INCHES, SIZES_INCHES = 2.2, 3.2, 4.6
METHOD_INCHES, TYPE_INCHES, HEAD_INCHES = 0.26, 0.2, 0.95
COLOURS = "Blues"
NOTE = (
    "markers: cells of a held-out batch mapped onto the other batches; bar: mean of self-mapping (five random folds of "
    "all batches), the line to it the distance; right: cells of each type in each batch that were scored, shade: share"
)


def cf_fig7(
    metrics: pd.DataFrame, splits: Sequence[Mapping[str, Any]], titles: Mapping[str, str]
) -> pd.DataFrame:
    """The table behind the figure: one row a data set, method and held-out batch.

    metrics : EXPERIMENT_COLUMNS of `random5` and of the schemes that hold a group out; splits : contents of split.json
    """
    folds = metrics[metrics["fold"] != POOLED]
    first = folds.drop_duplicates(["dataset", "scheme", "method", "fold"])
    table = first[["stand_in", "dataset", "scheme", "method", "variant", "fold", "status", "reason"]].copy()
    table.insert(4, "title", table["method"].map(titles).fillna(table["method"]))
    for metric in SCORES:
        rows = folds[folds["metric"] == metric]
        values = rows.set_index(["dataset", "scheme", "method", "fold"])["value"].rename(metric)
        table = table.join(values, on=["dataset", "scheme", "method", "fold"])
        mapped = whole_self_mapping(folds, metric).groupby(["dataset", "method"])["value"]
        means = mapped.agg(["mean", "std"]).rename(
            columns={"mean": f"self_{metric}", "std": f"self_{metric}_sd"}
        )
        table = table.join(means, on=["dataset", "method"])
        table[f"{metric}_distance"] = (table[metric] - table[f"self_{metric}"]).abs()
    table = table[table["scheme"] != SELF_MAPPING]
    groups = {(split["dataset"], split["scheme"]): split["folds"] for split in splits}
    sizes = [
        groups[row.dataset, base_scheme(str(row.scheme))][int(str(row.fold))] for row in table.itertuples()
    ]
    held_out = pd.DataFrame(sizes, index=table.index).rename(columns={"name": "held_out"})
    return pd.concat([table, held_out], axis=1).reset_index(drop=True)


def draw_cf_fig7(
    table: pd.DataFrame,
    assignments: pd.DataFrame,
    facts: Sequence[Mapping[str, Any]],
    titles: Mapping[str, str],
    *,
    controls: Sequence[str] = (),
    marks: Mapping[str, str] | None = None,
) -> Figure:
    """Draw what `cf_fig7` made; controls are left out: they are in the table."""
    marks = marks or {}
    shown = table[~table["method"].isin(controls)]
    methods = list(dict.fromkeys(shown["method"]))
    sizes = cluster_sizes(assignments)
    n_types = [sizes.loc[sizes["dataset"] == fact["dataset"], "type"].nunique() for fact in facts]
    heights = [max(METHOD_INCHES * len(methods), TYPE_INCHES * n) + HEAD_INCHES for n in n_types]
    named = [marked_title(name, titles, marks) for name in methods]
    with style():
        figure, axes = plt.subplots(
            len(facts),
            3,
            figsize=(NAMES_INCHES + 2 * SCORE_INCHES + SIZES_INCHES, sum(heights)),
            height_ratios=heights,
            width_ratios=[SCORE_INCHES, SCORE_INCHES, SIZES_INCHES],
            squeeze=False,
            layout="constrained",
        )
        for line, fact in zip(axes, facts, strict=True):
            _line(line, shown[shown["dataset"] == fact["dataset"]], sizes, fact, methods)
            line[0].set_yticks(range(len(methods)), named)
        add_notes(figure, [NOTE, "\u2003".join(_lacking(shown)), notes_line(methods, marks)], _handles())
    return figure


def _line(
    line: Sequence[Axes],
    table: pd.DataFrame,
    sizes: pd.DataFrame,
    fact: Mapping[str, Any],
    methods: Sequence[str],
) -> None:
    """The panels of one data set."""
    schemes, batches = (list(dict.fromkeys(table[name])) for name in ("scheme", "held_out"))
    for axis, (metric, title) in zip(line, SCORES.items(), strict=False):
        _scores(axis, table, metric, methods, batches)
        axis.set_yticks(range(len(methods)), [""] * len(methods))
        above(axis, f"{title}, held-out {' and '.join(schemes)}", 5)
    line[0].set_title(data_set(fact), loc="left", pad=16)
    above(line[1], size_of(fact, all_types=True), 18)
    of_batches = sizes[(sizes["dataset"] == fact["dataset"]) & sizes["scheme"].isin(schemes)]
    _sizes(line[2], of_batches, table, batches)


def _scores(
    axis: Axes, table: pd.DataFrame, metric: str, methods: Sequence[str], batches: Sequence[str]
) -> None:
    for row, method in enumerate(methods):
        if row % 2:
            axis.axhspan(row - 0.5, row + 0.5, color=BAND, linewidth=0, zorder=-2)
        of_method = table[table["method"] == method]
        if of_method[metric].isna().all():
            words(axis, row, status_in_words(of_method["status"]))
        mean = of_method[f"self_{metric}"].max()
        shifts = np.linspace(-0.2, 0.2, len(batches)) if len(batches) > 1 else np.zeros(1)
        for batch, shift, shape in zip(batches, shifts, SHAPES * len(batches), strict=False):
            for value in of_method.loc[of_method["held_out"] == batch, metric].dropna():
                axis.plot([mean, value], [row + shift] * 2, color=colour(method), linewidth=0.9, alpha=0.6)
                axis.scatter(value, row + shift, marker=shape, s=26, color=colour(method), zorder=3)
        axis.plot([mean, mean], [row - 0.38, row + 0.38], color="black", linewidth=1.6, zorder=4)
    axis.set_ylim(len(methods) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="y", visible=False)
    axis.margins(x=0.06)


def _sizes(axis: Axes, sizes: pd.DataFrame, table: pd.DataFrame, batches: Sequence[str]) -> None:
    """Cells by type (rows, the largest first) and batch, with what the split left out."""
    counts = sizes.pivot_table(index="type", columns="group", values="cells", aggfunc="sum", fill_value=0)
    counts = counts.reindex(columns=list(batches), fill_value=0)
    counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    shares = (counts / counts.sum()).to_numpy(float)
    look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": SMALL}
    for (row, column), value in np.ndenumerate(counts.to_numpy(int)):
        shade = matplotlib.colormaps[COLOURS](shares[row, column])
        axis.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=shade, edgecolor="white"))
        axis.text(column, row, f"{value:,}", color="white" if shares[row, column] > 0.5 else "black", **look)
    axis.set_xlim(-0.5, len(batches) - 0.5)
    axis.set_ylim(len(counts) - 0.5, -0.5)
    axis.set_yticks(range(len(counts)), counts.index, fontsize=8)
    axis.tick_params(length=0)
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set_visible(False)
    _name_batches(axis, table, counts, batches)


def _name_batches(axis: Axes, table: pd.DataFrame, counts: pd.DataFrame, batches: Sequence[str]) -> None:
    """Over each column its batch, with its marker, the cells scored and those left out."""
    unseen = table.drop_duplicates("held_out").set_index("held_out")["n_unseen"]
    named = [
        f"{batch}\n{counts[batch].sum():,} cells" + (f", {unseen[batch]} left out" if unseen[batch] else "")
        for batch in batches
    ]
    axis.set_xticks(range(len(batches)), named, fontsize=SMALL)
    axis.tick_params(axis="x", labeltop=True, labelbottom=False, pad=14)
    over = offset_copy(axis.get_xaxis_transform(), axis.get_figure(root=True), y=8, units="points")
    for column, shape in zip(range(len(batches)), SHAPES * len(batches), strict=False):
        axis.plot(column, 1, marker=shape, color=GREY, markersize=5, clip_on=False, transform=over)


def _lacking(table: pd.DataFrame) -> list[str]:
    """Who has the points of some batches of a data set only, or no self-mapping, and why."""
    said = []
    for (dataset, title), rows in table.groupby(["dataset", "title"], sort=False):
        if rows["consistency"].notna().any() and (why := status_in_words(rows["status"])):
            said.append(f"{title} on {dataset}: {why}")
        if rows["self_consistency"].isna().all():
            said.append(f"{title} on {dataset}: not mapped onto itself in every fold")
    return said


def _handles() -> list[Artist]:
    bar = Line2D(
        [],
        [],
        linestyle="none",
        marker="|",
        markersize=10,
        markeredgewidth=1.6,
        color="black",
        label="mean of self-mapping",
    )
    return [bar]
