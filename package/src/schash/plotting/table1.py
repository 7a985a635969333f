"""scDeepHash Table 1: the data sets, beside the paper's own numbers where they are the paper's own data sets."""

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from schash.plotting.style import style

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


def table1(facts: list[dict[str, Any]], expected: pd.DataFrame) -> pd.DataFrame:
    """One row a data set: ours, and the paper's value of each quantity in `paper_*` (empty where it has none)."""
    table = pd.DataFrame(facts)[[*FACTS, "total", "nonzeros_per_cell", "unlabelled", "batches"]]
    published = expected[expected["target"] == "table1"].set_index(["dataset", "metric"])["value"]
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
    shown = shown.drop(columns=empty)
    widths = [
        max(len(HEADINGS[name]), int(shown[name].str.len().max())) + 2 for name in shown.columns.astype(str)
    ]
    with style():
        figure, axis = plt.subplots(figsize=(0.082 * sum(widths), 0.32 * (len(shown) + 1)))
        axis.axis("off")
        drawn = axis.table(
            cellText=shown.to_numpy().tolist(),
            colLabels=[HEADINGS[name] for name in shown.columns.astype(str)],
            colWidths=[width / sum(widths) for width in widths],
            cellLoc="left",
            bbox=Bbox.unit(),
        )
        drawn.auto_set_font_size(False)
        drawn.set_fontsize(9)
        for (row, _), cell in drawn.get_celld().items():
            cell.set_edgecolor("#DDDDDD")
            cell.visible_edges = "B"
            if row == 0:
                cell.set_text_props(weight="bold")
    return figure


def _published(row: pd.Series) -> str:
    if pd.isna(row["paper_cells"]):
        return ""
    size = f"{row['paper_cells']:,.0f} x {row['paper_genes']:,.0f}"
    return f"{size}, {row['paper_types']:.0f} ({row['paper_types_over_10']:.0f})"
