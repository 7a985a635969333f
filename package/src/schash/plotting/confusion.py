"""A companion of fig2a for data sets with types that are hard to tell apart: the paper's CD4+ T cells of Zheng 68K.

For each data set a heat map of recall, one row a method and one column a type, and two confusion matrices: DeepHash's
and that of the best other method, by median F1.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle

from schash.confusion import order_of_types, recall_of_types, shares
from schash.expected import PRESETS
from schash.marks import marked_title, notes_line, status_in_words
from schash.metrics.annotation import UNASSIGNED
from schash.plotting.mapping import data_set, size_of
from schash.plotting.rows import GREY, SMALL
from schash.plotting.style import style
from schash.standings import order_methods, scores_of

METRIC = "median_f1"
METRIC_TITLES = {METRIC: "median F1"}
COLOURS = "cividis"
WIDTH = 12.6
ROW_INCHES = 0.21
HEAD_INCHES, GAP_INCHES, BELOW_INCHES = 1.2, 1.0, 1.75
MATRIX_INCHES = 3.7
METHOD_INCHES, TYPE_INCHES = 1.95, 2.3
"""Room for names at the left of the heat map and of the matrices."""
NAMES_START = -0.5
"""Where the heading of a matrix begins, in its width."""
LETTER_INCHES = 0.075
EDGE: dict[str, Any] = {"fill": False, "linewidth": 1.6, "clip_on": False, "zorder": 5}


@dataclass(frozen=True)
class Names:
    """What methods and types are called: titles and marks by method, controls, groups of types by data set.

    matrices : methods whose matrices are drawn, two at most; DeepHash's and the best other's where none is named
    metric : orders the methods and stands over the matrices
    all_types : whether the cells are of all types, or of those with more than 10 cells
    """

    titles: Mapping[str, str]
    controls: Sequence[str] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    matrices: tuple[str, ...] = ()
    metric: str = METRIC
    all_types: bool = False

    def group(self, dataset: str) -> str | None:
        """How the names of the data set's first group begin; None where it has none."""
        return next(iter(self.groups.get(dataset, {}).values()), None)


def confusion(counts: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """The table behind the figure: of every method the cells of a true type by predicted type, and their share."""
    parts = [shares(group) for _, group in counts.groupby(["dataset", "scheme", "method"], sort=False)]
    table = pd.concat(parts, ignore_index=True) if parts else counts.assign(share=0.0)
    table.insert(3, "title", table["method"].map(titles))
    return table


def published_bound(expected: pd.DataFrame) -> float | None:
    """The recall below which the paper has every type of its group, for every method; None where it gives none."""
    rows = expected[
        expected["metric"].str.startswith("recall_of_best_") & (expected["relation"] == "at_most")
    ]
    return float(rows["value"].max()) if len(rows) else None


def draw_confusion(
    counts: pd.DataFrame,
    metrics: pd.DataFrame,
    facts: Sequence[Mapping[str, Any]],
    names: Names,
    bound: float | None = None,
) -> Figure:
    """A block for each data set; recalls of its group of types below `bound` in bold.

    counts : schash.confusion.CONFUSION_COLUMNS; metrics : EXPERIMENT_COLUMNS of the experiment, all its data sets
    """
    order = order_methods(scores_of(metrics, names.metric), names.controls)
    rows = [metrics.loc[metrics["dataset"] == fact["dataset"], "method"].nunique() for fact in facts]
    heights = [HEAD_INCHES + ROW_INCHES * n + GAP_INCHES + MATRIX_INCHES + BELOW_INCHES for n in rows]
    with style():
        figure = plt.figure(figsize=(WIDTH, sum(heights)))
        parts = figure.subfigures(len(facts), 1, height_ratios=heights, squeeze=False)[:, 0]
        for part, fact, height in zip(parts, facts, heights, strict=True):
            dataset = fact["dataset"]
            here = counts[counts["dataset"] == dataset]
            scores = metrics[metrics["dataset"] == dataset]
            methods = [name for name in order if name in set(scores["method"])]
            _block(_Block(part, here, scores, methods, fact, names, bound, height))
    return figure


@dataclass(frozen=True)
class _Block:
    """What one data set's part of the figure is drawn from."""

    part: SubFigure
    counts: pd.DataFrame
    scores: pd.DataFrame
    methods: list[str]
    fact: Mapping[str, Any]
    names: Names
    bound: float | None
    height: float

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """A panel by its place in inches from the upper left corner."""
        return self.part.add_axes(
            (left / WIDTH, 1 - (top + height) / self.height, width / WIDTH, height / self.height)
        )


def _block(block: _Block) -> None:
    named = [name for name in block.names.matrices if name in block.methods]
    shown = named or [name for name in chosen(block.scores, block.methods, block.names.controls) if name]
    leading = block.counts[block.counts["method"].isin(shown[:1])]
    begin = block.names.group(str(block.fact["dataset"]))
    types = order_of_types(leading if len(leading) else block.counts, begin)
    group = [name for name in types if begin and name.startswith(begin)]
    title, size = data_set(block.fact), size_of(block.fact, all_types=block.names.all_types)
    block.part.text(0.012, 1 - 0.2 / block.height, title, fontsize=11, fontweight="bold", va="center")
    block.part.text(0.988, 1 - 0.2 / block.height, size, fontsize=9, color=GREY, va="center", ha="right")
    inches = ROW_INCHES * len(block.methods)
    _recalls(
        block.axes(METHOD_INCHES, HEAD_INCHES, WIDTH - METHOD_INCHES - 0.15, inches), block, types, group
    )
    top = HEAD_INCHES + inches + GAP_INCHES
    for place, method in enumerate(shown[:2]):
        axis = block.axes(TYPE_INCHES + place * WIDTH / 2, top, MATRIX_INCHES, MATRIX_INCHES)
        _matrix(axis, block, method, types, group)


def _recalls(axis: Axes, block: _Block, types: list[str], group: list[str]) -> None:
    """One row a method, one column a type; why, where a method has none."""
    values = recall_of_types(block.counts).reindex(index=block.methods, columns=types)
    axis.imshow(values, cmap=COLOURS, vmin=0, vmax=1, aspect="auto")
    titles = [marked_title(name, block.names.titles, block.names.marks) for name in block.methods]
    axis.set_yticks(range(len(block.methods)), titles)
    for label, method in zip(axis.get_yticklabels(), block.methods, strict=True):
        label.set_fontweight("bold" if method.startswith("deephash") else "normal")
    letters = int((WIDTH - METHOD_INCHES) / len(types) / LETTER_INCHES)
    axis.set_xticks(range(len(types)), [_wrapped(name, letters) for name in types], fontsize=SMALL)
    for row, method in enumerate(block.methods):
        if values.loc[method].isna().all():
            statuses = block.scores[block.scores["method"] == method].drop_duplicates("fold")["status"]
            place: dict[str, Any] = {"va": "center", "ha": "center", "style": "italic", "color": GREY}
            axis.text((len(types) - 1) / 2, row, status_in_words(statuses), fontsize=SMALL, **place)
            continue
        for column, (name, value) in enumerate(zip(types, values.loc[method].to_numpy(float), strict=True)):
            low = block.bound is not None and name in group and value < block.bound
            _number(axis, column, row, float(value), bold=bool(low))
    _plain(axis, top=True)
    n_ranked = sum(name not in block.names.controls for name in block.methods)
    axis.axhline(n_ranked - 0.5, color="white", linewidth=2.5)
    if group:
        axis.add_patch(Rectangle((-0.5, -0.5), len(group), len(block.methods), edgecolor="#C1272D", **EDGE))
    said = "recall: share of a type's cells that were given it, over the query cells of all folds"
    if group and block.bound is not None:
        said += f" (framed types: bold below {block.bound:g}, where the paper has all four on Zheng 68K)"
    notes = notes_line(block.methods, block.names.marks)
    axis.set_xlabel("\n".join(text for text in (said, notes) if text), fontsize=8.5, labelpad=6)


def _matrix(axis: Axes, block: _Block, method: str, types: list[str], group: list[str]) -> None:
    """Rows are true types, columns predicted ones, a last one the rejected cells where there are any."""
    table = shares(block.counts[block.counts["method"] == method])
    columns = [*types, *([UNASSIGNED] if UNASSIGNED in set(table["predicted"]) else [])]
    values = table.pivot(index="type", columns="predicted", values="share").reindex(
        index=types, columns=columns
    )
    axis.imshow(values.fillna(0), cmap=COLOURS, vmin=0, vmax=1, aspect="auto")
    fontsize = min(SMALL, 72 * MATRIX_INCHES / len(columns) / 4.2)
    for (row, column), value in np.ndenumerate(values.to_numpy(float)):
        if value >= 0.005:
            _number(axis, column, row, value, fontsize=fontsize)
    sizes = table.groupby("type")["cells"].sum()
    axis.set_yticks(range(len(types)), [f"{name} ({sizes[name]:,})" for name in types], fontsize=SMALL)
    turned: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor", "fontsize": SMALL}
    axis.set_xticks(range(len(columns)), columns, **turned)
    _plain(axis, top=False)
    if group:
        axis.add_patch(Rectangle((-0.5, -0.5), len(group), len(group), edgecolor="#C1272D", **EDGE))
    marked = marked_title(method, block.names.titles, block.names.marks)
    metric = block.names.metric
    mean = scores_of(block.scores, metric).loc[method].iloc[0]
    axis.set_title(
        f"{marked}: true type (rows) as predicted", loc="left", fontsize=9.5, x=NAMES_START, pad=17
    )
    axis.annotate(
        f"{METRIC_TITLES.get(metric, metric)} {mean:.3f}; shares of a row's cells from 0.005 on",
        (NAMES_START, 1),
        xytext=(0, 5),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=SMALL,
        color=GREY,
        va="bottom",
    )


def _number(
    axis: Axes, column: int, row: int, value: float, *, bold: bool = False, fontsize: float = SMALL
) -> None:
    text = "1" if value > 0.995 else f"{value:.2f}".removeprefix("0")
    dark = value < 0.5  # as cividis is
    options: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": fontsize}
    axis.text(
        column,
        row,
        text,
        color="white" if dark else "black",
        fontweight="bold" if bold else "normal",
        **options,
    )


def _plain(axis: Axes, *, top: bool) -> None:
    axis.grid(False)
    axis.tick_params(length=0, top=False, labeltop=top, labelbottom=not top)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _wrapped(name: str, letters: int) -> str:
    """A name in lines, broken at blanks, behind slashes and underscores, and within a word only if far too long."""
    parts = re.sub(r"([/_])", r"\1 ", name)
    width = max(letters, 6)
    far = max(len(word) for word in parts.split()) > 1.25 * width
    lines = textwrap.wrap(parts, width, break_long_words=far)
    return "\n".join(re.sub(r"([/_]) ", r"\1", line) for line in lines)


def chosen(scores: pd.DataFrame, methods: Sequence[str], controls: Sequence[str]) -> tuple[str, str]:
    """DeepHash (its preset, else its first) and the best other method by mean median F1; "" where there is none."""
    values = scores_of(scores, METRIC).iloc[:, 0].dropna()
    ran = [name for name in methods if name in values.index and name not in controls]
    ours = [name for name in ran if name.startswith("deephash")]
    others = [name for name in ran if not name.startswith("deephash")]
    preset = next((name for name in PRESETS["deephash"] if name in ours), ours[0] if ours else "")
    return preset, max(others, key=lambda name: values[name], default="")
