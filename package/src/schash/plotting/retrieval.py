"""What the figures of retrieval share: blocks of panels, one a data set, and which way of ties is shown."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schash.marks import NOT_RUN
from schash.plotting.rows import GREY, SMALL

COLUMNS = 4
BLOCK_INCHES = 0.34
"""Room for the title of a block."""
TITLE_LETTERS_PER_INCH = 9


def panels_across(n_panels: int) -> int:
    """Columns of panels, in rows as even as can be."""
    return -(-n_panels // -(-n_panels // COLUMNS))


def blocks(figure: Figure, titles: Sequence[str], n_panels: int) -> list[list[list[Axes]]]:
    """Blocks one above the other, each with a title and its panels by row; panels share their axes within a block."""
    n_rows = -(-n_panels // COLUMNS)
    n_columns = panels_across(n_panels)
    made = []
    for part, title in zip(figure.subfigures(len(titles), 1, squeeze=False)[:, 0], titles, strict=True):
        axes = part.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
        wrapped = textwrap.fill(title, int(figure.get_figwidth() * TITLE_LETTERS_PER_INCH))
        part.suptitle(wrapped, x=0.01, ha="left", fontsize=11, fontweight="bold")
        for place in range(n_panels, axes.size):
            axes.flat[place].set_visible(False)
            axes.flat[place - n_columns].tick_params(labelbottom=True)
        panels = list(axes.flat[:n_panels])
        made.append([panels[start : start + n_columns] for start in range(0, n_panels, n_columns)])
    return made


def head(axis: Axes, fact: Mapping[str, Any]) -> None:
    """Title of a data set's panel, with what it is if not the paper's, and its size."""
    origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
    axis.set_title(f"{fact['dataset']} ({origin})" if origin else fact["dataset"], loc="left", pad=16)
    place: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
    size = f"{fact['cells_over_10']:,} cells, {fact['types_over_10']} types"
    axis.annotate(size, (0, 1), xytext=(0, 5), fontsize=SMALL, color=GREY, **place)


def failures(table: pd.DataFrame, dataset: str, methods: Sequence[str]) -> dict[str, str]:
    """Methods without scores on a data set, and in words why.

    table : dataset, method, status ("ok" where there are scores)
    """
    here = table[table["dataset"] == dataset].drop_duplicates("method").set_index("method")["status"]
    said = {method: str(here.get(method, NOT_RUN)) for method in methods}
    return {method: status for method, status in said.items() if status != "ok"}


def tie_rule(table: pd.DataFrame, value: str) -> pd.DataFrame:
    """One way of ties for each method and data set: averaged, or by row where an average is not known throughout.

    table : dataset, method, ties and, in column `value`, the scores, NaN where there is none
    """
    unknown = table[(table["ties"] == "averaged") & table[value].isna()]
    fallen = pd.MultiIndex.from_frame(unknown[["dataset", "method"]])
    falls = pd.MultiIndex.from_frame(table[["dataset", "method"]]).isin(fallen)
    return table[np.where(falls, table["ties"] == "by_row", table["ties"] == "averaged")]


def tie_note(shown: pd.DataFrame) -> str:
    """How ties were treated, and for which methods (by their titles) otherwise."""
    other = sorted(set(shown.loc[shown["ties"] == "by_row", "title"]))
    if not other:
        return "averaged over ties"
    return f"averaged over ties (by row where lists end too early: {', '.join(other)})"
