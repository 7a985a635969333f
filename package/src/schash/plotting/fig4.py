"""scDeepHash Fig. 4 and its grid search: bits of a code, learned against predefined anchors, beta, lambda and gamma.

All rows are DeepHash with one or two settings changed; the first method of the experiment is what they are compared
with. In (a) numbers under the axis say how many bits of the anchors differ from each other: first rows of a Hadamard
matrix repeat few bits over and over, sampled columns do not.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from schash.ablation_table import METRICS, against, fold_scores, others_fixed
from schash.plotting.fig4_panels import (
    LEARNED,
    PLAIN,
    PUBLISHED,
    SCHEMES,
    anchors_panel,
    bits_panel,
    dataset_look,
    setting_panel,
    spread,
)
from schash.plotting.rows import add_notes, heading
from schash.plotting.style import style

HYPERPARAMETERS = {"beta": "β", "lambda_": "λ", "gamma": "\N{GREEK SMALL LETTER GAMMA}"}
NOTE = (
    "Mean over folds, bars: sd over folds. a: dotted at the bits by the paper's rule. b: a point is a fold, the bar and"
    " the number the mean. Anchors:"
)
CEILING = 1.003
"""No score is above 1; a marker at 1 still shows."""
UPPER_INCHES, LOWER_INCHES, HEAD_INCHES = 3.6, 2.0, 1.0

_LEARNED_METRIC = "median_f1_predefined_minus_learned"


def draw_fig4(
    table: pd.DataFrame,
    metrics: pd.DataFrame,
    facts: Sequence[Mapping[str, Any]],
    *,
    expected: pd.DataFrame | None = None,
) -> Figure:
    """(a) bits of the code, a panel a data set; (b) learned against predefined anchors; (c) the hyperparameters.

    table : of `fig4`; metrics : the same scores fold by fold; expected : the papers' numbers (schash.expected)
    """
    datasets = [fact["dataset"] for fact in facts]
    learned = others_fixed(table, ["anchors", "anchor_margin"])
    learned = learned[learned["anchors"] == LEARNED].sort_values("anchor_margin", ascending=False)
    learned = pd.concat([learned[learned["dataset"] == name] for name in datasets])
    values = _published(expected, datasets)
    lower = HEAD_INCHES + max(LOWER_INCHES, 0.27 * len(learned))
    with style():
        figure = plt.figure(
            figsize=(max(10.5, 1.2 + 3.3 * len(datasets)), UPPER_INCHES + lower), layout="constrained"
        )
        top, bottom = _subfigures(figure, 2, 1, height_ratios=[UPPER_INCHES, lower])
        _bits(top, others_fixed(table, ["anchors", "n_bits_given"]), facts)
        left, right = _subfigures(bottom, 1, 2, width_ratios=[1.05, 1])
        _differences(left, learned, metrics, table["method"].iloc[0], values)
        _hyperparameters(right, table, datasets)
        add_notes(figure, [NOTE], _handles(learned, values))
        _settle(figure)
    return figure


def _subfigures(whole: Figure | SubFigure, n_rows: int, n_columns: int, **ratios: Any) -> list[SubFigure]:
    return list(whole.subfigures(n_rows, n_columns, squeeze=False, **ratios).flat)


def _settle(figure: Figure) -> None:
    """Lay out for good, and round: the solver's last digits change from run to run, and with them the ids in an SVG."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    parts: list[Any] = list(figure.subfigs)
    while parts:
        part = parts.pop()
        part.bbox_relative.set_points(np.round(part.bbox_relative.get_points(), 6))
        parts.extend(part.subfigs)
    for axis in figure.get_axes():
        axis.set_position(Bbox(np.round(axis.get_position().get_points(), 6)))


def _bits(part: SubFigure, table: pd.DataFrame, facts: Sequence[Mapping[str, Any]]) -> None:
    _title(part, "a", "Bits of the code: median F1, and how many bits of the anchors differ from each other")
    axes, strips = part.subplots(2, len(facts), squeeze=False, sharex="col", height_ratios=[1, 0.24])
    for axis, strip, fact in zip(axes, strips, facts, strict=True):
        bits_panel(axis, strip, table[table["dataset"] == fact["dataset"]])
        strip.tick_params(labelleft=strip is strips[0])
        origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
        title = f"{fact['dataset']} ({origin})" if origin else fact["dataset"]
        heading(
            axis,
            title,
            f"{fact['cells_over_10']:,} cells, {fact['types_over_10']} types, {fact['values']}",
            "",
        )
    _same_span(axes)
    axes[0].set_ylabel("median F1 (axis cut)")


def _same_span(axes: Sequence[Axes]) -> None:
    """Equal lengths stand for equal differences: as much of the axis in each panel, around what it shows, up to 1."""
    limits = [axis.get_ylim() for axis in axes]
    half = max(0.025, *((high - low) / 2 for low, high in limits))
    for axis, (low, high) in zip(axes, limits, strict=True):
        middle = min((low + high) / 2, CEILING - half)
        axis.set_ylim(middle - half, middle + half)


def _differences(
    part: SubFigure, learned: pd.DataFrame, metrics: pd.DataFrame, first: str, published: Mapping[str, float]
) -> None:
    _title(part, "b", "Learned minus predefined anchors, bits by the rule")
    axes = part.subplots(1, len(METRICS), sharex=True, sharey=True)
    for axis, metric in zip(axes, METRICS, strict=True):
        scores = fold_scores(metrics, metric)
        anchors_panel(axis, learned, against(scores, first), metric, published)
        axis.set_xlabel(f"difference in {metric.replace('_f1', ' F1')}")
        axis.margins(x=0.12)
        axis.xaxis.set_major_locator(MaxNLocator(3))
    names = []
    for row in learned.to_dict("records"):
        distance = spread(row["min_anchor_distance_low"], row["min_anchor_distance_high"])
        head = f"{row['dataset']}\nnearest anchors" if row["anchor_margin"] else "without a guard:"
        names.append(f"{head} {distance} bit{'' if distance == '1' else 's'} apart")
    axes[0].set_yticks(range(len(learned)), names)
    axes[0].set_ylim(max(len(learned), 1) - 0.5, -0.5)


def _hyperparameters(part: SubFigure, table: pd.DataFrame, datasets: Sequence[str]) -> None:
    _title(part, "c", "Hyperparameters: change in median F1")
    axes = part.subplots(1, len(HYPERPARAMETERS), sharey=True, width_ratios=[1.25, 1.05, 1])
    for axis, (name, symbol) in zip(axes, HYPERPARAMETERS.items(), strict=True):
        setting_panel(axis, others_fixed(table, [name]), name, table[name].iloc[0], datasets)
        axis.set_xlabel(symbol, fontsize=11)
    axes[0].set_ylabel("difference to the bold value")
    handles = [Line2D([], [], label=name, **dataset_look(place)) for place, name in enumerate(datasets)]
    part.legend(handles=handles, loc="outside lower center", ncols=len(datasets), frameon=False, fontsize=8.5)


def _title(part: SubFigure, letter: str, text: str) -> None:
    part.suptitle(f"({letter}) {text}", x=0.01, ha="left", fontsize=10.5, fontweight="bold")


def _published(expected: pd.DataFrame | None, datasets: Sequence[str]) -> dict[str, float]:
    """Predefined minus learned in median F1, by the paper, of these very data sets."""
    if expected is None:
        return {}
    rows = expected[(expected["target"] == "fig4") & (expected["metric"] == _LEARNED_METRIC)]
    here = rows[rows["dataset"].isin(list(datasets))]
    return dict(zip(here["dataset"], here["value"], strict=True))


def _handles(learned: pd.DataFrame, published: Mapping[str, float]) -> list[Artist]:
    schemes = [*SCHEMES.values(), *([PLAIN] if (learned["anchor_margin"] == 0).any() else [])]
    handles: list[Artist] = [
        Line2D([], [], color=one.colour, marker=one.marker, label=one.label) for one in schemes
    ]
    if published:
        handles.append(Line2D([], [], label="the paper's own value", **PUBLISHED))
    return handles
