"""Seconds to annotate more and more cells, every method (scDeepHash, Fig. 2d).

Prediction alone, by one fit. A filled point was measured; a hollow one at the end of a dashed line is what the line
through the sizes before it says of a size that was left out as too slow. Grey triangles are the paper's numbers, which
are of another machine with a GPU, and of more types.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schash.annotation_timing import ANNOTATE, COPIES_EQUAL, NETWORK, PREDICTED, SLOPE
from schash.expected import PRESETS
from schash.marks import marked_title, notes_line
from schash.plotting.growth import Label, log_log, machine, mark_tm, write_labels
from schash.plotting.retrieval import head
from schash.plotting.rows import GREY, add_notes
from schash.plotting.style import colour, marker, style
from schash.timing_table import TM_CELLS, by_size

KEYS = ["experiment", "dataset", "scheme", "method"]
DEEPHASH = "DeepHash"
PAPER = "#8C8C8C"


def fig2d(scores: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """The table behind the figure: one row a method and number of cells, with the seconds, or the seconds that were
    predicted and the reason why it did not run; the slope over the sizes that ran; what fitting cost.

    A method that ran at no size has one row, without a size.
    """
    at_size = by_size(scores)
    wide = at_size.pivot(index=[*KEYS, "size"], columns="name", values="value")
    rows = at_size[at_size["name"] == ANNOTATE].drop(
        columns=["metric", "value", "fold", "predict_s", "n", "what"]
    )
    none = scores[scores["metric"] == ANNOTATE]
    none = none[none["status"] != "ok"].assign(size=0)[rows.drop(columns="name").columns]
    table = pd.concat([rows.drop(columns="name"), none], ignore_index=True).join(
        wide.reindex(columns=[ANNOTATE, PREDICTED, NETWORK]), on=[*KEYS, "size"]
    )
    for name in (SLOPE, COPIES_EQUAL):
        of_method = scores[scores["metric"] == name].set_index(KEYS)["value"]
        table = table.join(of_method.rename(name), on=KEYS)
    ran = table[table["status"] == "ok"].groupby(KEYS)["size"]
    table = table.join(ran.agg(slope_from="min", slope_to="max"), on=KEYS)
    table["ms_a_cell"] = 1e3 * table[ANNOTATE] / table["size"].where(table["size"] > 0)
    table.insert(4, "title", table["method"].map(titles))
    return table.drop(columns=["suite", "seed"])


def bounds_of(expected: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """The paper's bounds of the seconds at the size of Tabula Muris: method, title, relation, value.

    expected : of `schash.expected.read_expected`
    """
    rows = expected[(expected["target"] == "fig2d") & (expected["metric"] == ANNOTATE)]
    names = [titles.get(name, DEEPHASH if name in PRESETS else name) for name in rows["method"]]
    return rows.assign(title=names)[["method", "title", "relation", "value"]]


def draw_fig2d(
    table: pd.DataFrame,
    facts: Sequence[Mapping[str, Any]],
    titles: Mapping[str, str],
    *,
    marks: Mapping[str, str] | None = None,
    published: pd.DataFrame | None = None,
) -> Figure:
    """One panel a data set, one line a method, names at the right in the order of the lines.

    table : of `fig2d`; published : of `bounds_of`
    """
    marks = marks or {}
    datasets = list(dict.fromkeys(table["dataset"]))
    by_id = {fact["dataset"]: fact for fact in facts}
    notes = [f"copies of the query cells of one fold, annotated with {machine(table)}"]
    with style():
        figure, axes = plt.subplots(
            1, len(datasets), figsize=(8.6 * len(datasets), 5.6), squeeze=False, layout="constrained"
        )
        for axis, dataset in zip(axes.flat, datasets, strict=True):
            here = table[table["dataset"] == dataset]
            labels = _lines(axis, here, titles, marks)
            sizes = sorted(here.loc[here["size"] > 0, "size"]) or [1, 10]
            bounds = _paper(axis, published) if max(sizes) >= TM_CELLS else []
            log_log(axis, sizes)
            mark_tm(axis)
            axis.set_xlabel("cells to annotate")
            axis.set_ylabel("seconds, prediction alone")
            head(axis, by_id[dataset])
            notes += _not_run(here, titles)
            axis.margins(x=0)
            axis.set_box_aspect(0.86)
            write_labels(axis, [*labels, *bounds])
        notes.append(
            "slope: of log seconds over log cells, over all sizes that ran (1: in proportion to the cells)"
        )
        if table[PREDICTED].notna().any():
            notes.append("hollow, dashed: left out as too slow, predicted from the sizes before")
        if bounds:
            notes.append(
                "triangles: the paper, on Tabula Muris itself and with a GPU: other cells, other hardware"
            )
        notes.append(notes_line(list(dict.fromkeys(table["method"])), marks))
        add_notes(figure, [note for note in notes if note], [])
    return figure


def _lines(
    axis: Axes, here: pd.DataFrame, titles: Mapping[str, str], marks: Mapping[str, str]
) -> list[Label]:
    labels = []
    for method, rows in here[here["size"] > 0].groupby("method", sort=False):
        method, rows = str(method), rows.sort_values("size")
        fill, bold = colour(method), method.startswith("deephash")
        ran = rows[rows["status"] == "ok"]
        guessed = rows[rows[PREDICTED].notna()].head(1)
        if ran.empty:
            continue
        look: dict[str, Any] = {"color": fill, "marker": marker(method), "markersize": 5}
        axis.plot(ran["size"], ran[ANNOTATE], linewidth=2.2 if bold else 1.3, zorder=4 if bold else 3, **look)
        end = (float(ran["size"].iloc[-1]), float(ran[ANNOTATE].iloc[-1]))
        if len(guessed):
            far = (float(guessed["size"].iloc[0]), float(guessed[PREDICTED].iloc[0]))
            axis.plot([end[0], far[0]], [end[1], far[1]], color=fill, linewidth=1, linestyle="--", zorder=2)
            axis.plot(*far, markerfacecolor="white", zorder=3, **look)
            end = far
        seconds = f"{'~' if len(guessed) else ''}{_short(end[1])} s"
        slope = ran[SLOPE].iloc[0]
        said = f", slope {slope:.2f}" if np.isfinite(slope) else ""
        labels.append(Label(*end, f"{marked_title(method, titles, marks)}  {seconds}{said}", fill, bold))
    return labels


def _paper(axis: Axes, published: pd.DataFrame | None) -> list[Label]:
    """The paper's bounds at the size of Tabula Muris: a triangle that points to where the number lies."""
    if published is None or published.empty:
        return []
    labels = []
    bounds = published[["relation", "value"]].drop_duplicates()
    for relation, value in bounds.itertuples(index=False, name=None):
        rows = published[(published["relation"] == relation) & (published["value"] == value)]
        below = relation == "at_most"
        look: dict[str, Any] = {"color": PAPER, "marker": "v" if below else "^", "markeredgecolor": "white"}
        axis.plot(TM_CELLS, value, linestyle="none", markersize=9, zorder=5, **look)
        said = f"paper: {', '.join(rows['title'])} {'<' if below else '>'} {value:,g} s"
        labels.append(Label(TM_CELLS, value, said, GREY))
    return labels


def _not_run(here: pd.DataFrame, titles: Mapping[str, str]) -> list[str]:
    """Methods without a line, or with sizes that failed, each with the first reason."""
    bad = here[(here["status"] != "ok") & here[PREDICTED].isna()].drop_duplicates("method")
    return [f"{titles.get(str(row.method), str(row.method))}: {row.status}" for row in bad.itertuples()]


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:#.2g}"
