"""scDeepHash Table 1: the data sets, beside the paper's own numbers where they are the paper's own data sets."""

from typing import Any, Literal

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from schash.plotting.style import style

FONT_SIZE = 9
ROW_INCHES = 0.3
GAP_INCHES = 0.22

QUANTITIES = ("cells", "genes", "types", "types_over_10")
FACTS = ("dataset", "title", *QUANTITIES, "values", "species", "tissue", "protocol", "stand_in_for")
HEADINGS = {
    "dataset": "data set",
    "cells": "cells",
    "genes": "genes",
    "types (>10 cells)": "types (>10 cells)",
    "nonzeros_per_cell": "genes a cell",
    "values": "values",
    "species": "species",
    "protocol": "protocol",
    "paper": "paper: cells x genes, types",
    "stand_in_for": "stand-in for",
}


def table1(facts: list[dict[str, Any]], expected: pd.DataFrame, *, target: str = "table1") -> pd.DataFrame:
    """One row a data set: ours, and the paper's value of each quantity in `paper_*` (empty where it has none)."""
    table = pd.DataFrame(facts)[[*FACTS, "total", "nonzeros_per_cell", "unlabelled", "batches"]]
    published = expected[expected["target"] == target].set_index(["dataset", "metric"])["value"]
    for quantity in QUANTITIES:
        keys = [(dataset, quantity) for dataset in table["dataset"]]
        table[f"paper_{quantity}"] = [published.get(key) for key in keys]
    return table


def draw_table1(table: pd.DataFrame) -> Figure:
    """The table as a picture, with one line a data set."""
    shown = pd.DataFrame(
        {
            "dataset": table["dataset"],
            "cells": table["cells"].map("{:,}".format),
            "genes": table["genes"].map("{:,}".format),
            "types (>10 cells)": [
                f"{t} ({o})" for t, o in zip(table["types"], table["types_over_10"], strict=True)
            ],
            "nonzeros_per_cell": table["nonzeros_per_cell"].map("{:,.0f}".format),
            "values": table["values"],
            "species": table["species"],
            "protocol": table["protocol"],
            "paper": [_published(row) for _, row in table.iterrows()],
            "stand_in_for": table["stand_in_for"],
        }
    )
    empty = [name for name in HEADINGS if not shown[name].astype(bool).any()]
    return draw_table(
        shown.drop(columns=empty).rename(columns=HEADINGS), right=("cells", "genes", "genes a cell")
    )


def draw_table(shown: pd.DataFrame, *, right: tuple[str, ...]) -> Figure:
    """A table of strings as a picture, with columns as wide as their texts; those in `right` are right-aligned."""
    with style():
        figure = Figure(figsize=(1, ROW_INCHES * (len(shown) + 1)))
        FigureCanvasAgg(figure)  # something to measure texts with
        positions, width = _columns(figure, shown, right)
        figure.set_size_inches(width, ROW_INCHES * (len(shown) + 1))
        n_rows = len(shown) + 1
        for (name, column), (x, align) in zip(shown.items(), positions, strict=True):
            for row, text in enumerate([str(name), *column]):
                y = 1 - (row + 0.5) / n_rows
                weight = "bold" if row == 0 else "normal"
                figure.text(x / width, y, text, ha=align, va="center", fontsize=FONT_SIZE, weight=weight)
        for row in range(1, n_rows + 1):
            y = 1 - row / n_rows
            figure.add_artist(Line2D([0, 1], [y, y], color="#CCCCCC", linewidth=0.8 if row > 1 else 1.4))
    return figure


def _columns(
    figure: Figure, shown: pd.DataFrame, right: tuple[str, ...]
) -> tuple[list[tuple[float, Literal["left", "right"]]], float]:
    """Where each column's texts start or end, in inches from the left, and the width of them all."""
    positions: list[tuple[float, Literal["left", "right"]]] = []
    start = 0.0
    for name, column in shown.items():
        texts = [figure.text(0, 0, str(name), fontsize=FONT_SIZE, weight="bold")]
        texts += [figure.text(0, 0, text, fontsize=FONT_SIZE) for text in column]
        widest = max(text.get_window_extent().width for text in texts) / figure.dpi
        for text in texts:
            text.remove()
        positions.append((start + widest, "right") if name in right else (start, "left"))
        start += widest + GAP_INCHES
    return positions, start - GAP_INCHES


def _published(row: pd.Series) -> str:
    if pd.isna(row["paper_cells"]):
        return ""
    if pd.isna(row["paper_genes"]):
        return f"{row['paper_cells']:,.0f} cells"
    size = f"{row['paper_cells']:,.0f} x {row['paper_genes']:,.0f}"
    return f"{size}, {row['paper_types']:.0f} ({row['paper_types_over_10']:.0f})"
