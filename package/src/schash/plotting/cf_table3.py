"""CellFishing in a larger and larger database (CellFishing.jl, Table 3 and Additional file 1, Figure 22): panels of
time, memory and consistency, and under them the table.

A line is a width; dotted, the linear scan of the same codes; dashed, the layout with a copy of the codes in every
table. Grey triangles are the paper's numbers, which are of other cells and another machine, with one thread.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from schash.plotting.growth import machine
from schash.plotting.rows import add_notes
from schash.plotting.scale_panels import LINES, draw_panels
from schash.plotting.scale_table import ROW_INCHES, write_numbers
from schash.plotting.style import style
from schash.scale_numbers import (
    COPIED,
    COUNTS,
    QUERY,
    WIDTHS,
    what_of,
)
from schash.timing_table import by_size

KEYS = ["experiment", "dataset", "scheme", "method"]
SLOPES = ("query_slope", "index_slope", "bytes_slope")


def cf_table3(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a width, search ("" is CellFishing's own index) and size: milliseconds, seconds, bytes, consistency, and
    what is known of the size; with status and reason, and the slopes over all sizes."""
    at_size = by_size(scores)
    unsaid = (at_size["what"] == "") & (at_size["name"] == QUERY)  # of a size without any number
    at_size.loc[unsaid, "what"] = what_of(next(iter(WIDTHS)))
    failed = scores[(scores["metric"] == QUERY) & (scores["status"] != "ok")].drop_duplicates(KEYS)
    failed = failed.assign(name=QUERY, what=what_of(next(iter(WIDTHS))), size=0)
    at_size = pd.concat([at_size, failed], ignore_index=True)
    of_width = at_size[at_size["what"] != ""]
    wide = of_width.pivot(index=[*KEYS, "size", "what"], columns="name", values="value")
    of_size = at_size[at_size["what"] == ""].pivot(index=[*KEYS, "size"], columns="name", values="value")
    kept = ["stand_in", "preset", "variant", "status", "reason", "host"]
    about = of_width.drop_duplicates([*KEYS, "size", "what"]).set_index([*KEYS, "size", "what"])
    threads = of_width[of_width["name"] == QUERY].set_index([*KEYS, "size", "what"])["threads"]
    table = wide.join(threads).join(about[kept]).reset_index().join(of_size, on=[*KEYS, "size"])
    parts = table["what"].str.extract(r"(?P<bits>\d+)bits-?(?P<search>.*)")
    table = table.assign(bits=parts["bits"].astype(int), search=parts["search"])
    for name in SLOPES:
        found = [_of_run(scores, row, f"{name}_{row.bits}bits") for row in table.itertuples()]
        table[name] = np.where(table["search"] == "", found, np.nan)
    table["query_growth"] = table[QUERY] / table.groupby([*KEYS, "what"])[QUERY].transform(_first)
    table["threads"] = table["threads"].fillna(0).astype(int)
    order = list(LINES)
    table = table.assign(place=table["search"].map(order.index)).sort_values(
        ["dataset", "bits", "place", "size"], kind="stable"
    )
    front = [*KEYS, "bits", "search", "size"]
    rest = [name for name in table.columns if name not in (*front, "what", "place")]
    return table[[*front, *rest]].reset_index(drop=True)


def _first(values: pd.Series) -> float:
    ran = values.dropna()
    return float(ran.iloc[0]) if len(ran) else np.nan


def _of_run(scores: pd.DataFrame, row: Any, metric: str) -> float:
    mine = (scores["dataset"] == row.dataset) & (scores["method"] == row.method)
    values = scores.loc[mine & (scores["metric"] == metric), "value"]
    return float(values.iloc[0]) if len(values) else np.nan


def draw_cf_table3(
    table: pd.DataFrame, facts: Sequence[Mapping[str, Any]], published: Mapping[str, float]
) -> Figure:
    """table : of `cf_table3`; published : the paper's numbers by their metrics in config/expected.tsv"""
    by_id = {fact["dataset"]: fact for fact in facts}
    datasets = list(dict.fromkeys(table["dataset"]))
    with style():
        n_rows = max(table.loc[table["dataset"] == name, "size"].nunique() for name in datasets) + 3
        height = 6.6 + ROW_INCHES * n_rows
        figure = plt.figure(figsize=(12.5, height * len(datasets)), layout="constrained")
        parts = figure.subfigures(len(datasets), 1, squeeze=False)[:, 0]
        for part, dataset in zip(parts, datasets, strict=True):
            here = table[(table["dataset"] == dataset) & (table["size"] > 0)]
            grid = part.add_gridspec(3, 3, height_ratios=[3.2, 3.2, ROW_INCHES * n_rows])
            axes = [part.add_subplot(grid[place // 3, place % 3]) for place in range(6)]
            draw_panels(axes, here, published)
            part.suptitle(_heading(by_id[dataset], here), x=0.01, ha="left", fontsize=11, fontweight="bold")
            write_numbers(part.add_subplot(grid[2, :]), here)
        add_notes(figure, _notes(table, datasets), [])
    return figure


def _heading(fact: Mapping[str, Any], here: pd.DataFrame) -> str:
    origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
    name = f"{fact['dataset']} ({origin})" if origin else fact["dataset"]
    copied = COPIED in here and (here[COPIED] == 1).any()
    return (
        f"{name}: {'copies, with resampling noise, of its' if copied else 'its own'} {fact['cells']:,} cells"
    )


def _notes(table: pd.DataFrame, datasets: Sequence[str]) -> list[str]:
    ran = table[(table["threads"] > 0) & (table["search"] == "")]
    notes = [f"10 neighbours of {_queries(table)}; {machine(ran)}"] if len(ran) else []
    for dataset in datasets:
        here = table[(table["dataset"] == dataset) & table[QUERY].notna()]
        if len(here) and set(COUNTS.values()) <= set(here.columns):
            notes.append(_counts(here.sort_values("size").iloc[-1], dataset))
    bad = table[table["status"] != "ok"].drop_duplicates(["dataset", "method", "size"])
    notes += [
        f"{row.method} on {row.dataset} at {row.size:,} cells: {row.status} ({row.reason})"
        for row in bad.itertuples()
    ]
    return notes


def _queries(table: pd.DataFrame) -> str:
    return "up to 10,000 queries, none of whose originals is in the database"


def _counts(row: pd.Series, dataset: str) -> str:
    return (
        f"{dataset}: {row[COUNTS['genes']]:,.0f} genes, {row[COUNTS['selected genes']]:,.0f} of them selected at "
        f"{row['size']:,} cells; non-zeros: {row[COUNTS['a cell']]:,.0f} a cell of the database "
        f"({row[COUNTS['selected a cell']]:,.0f} in selected genes), {row[COUNTS['a query']]:,.0f} a query "
        f"({row[COUNTS['selected a query']]:,.0f})"
    )
