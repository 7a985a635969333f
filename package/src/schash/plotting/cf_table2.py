"""Saving and loading a database (CellFishing.jl, Table 2): size of the file, seconds, memory; a row a data set."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from schash.file_timing import (
    CELLS,
    COMPRESSIONS,
    GZIP,
    INDEX,
    LOAD,
    LOAD_MB,
    MEMORY,
    PLAIN,
    QUERY,
    SAVE,
    SAVE_MB,
    SCANNED,
    SIZE,
    ZSTD,
)
from schash.plotting.growth import machine
from schash.plotting.rows import BAND, GREY, SMALL, add_notes
from schash.plotting.style import style

KEYS = ["experiment", "dataset", "scheme", "method"]
COLOURS = {PLAIN: "#913B00", GZIP: "#E0A35E", ZSTD: "#2F6690"}
OF_FILE = (SIZE, SAVE, LOAD, SAVE_MB, LOAD_MB)
OF_DATABASE = (CELLS, MEMORY, SCANNED, INDEX, QUERY)
REDUCTION, BESIDE_QUERY = "size_reduction", "load_over_query_time"
ROW_INCHES = 0.62


def cf_table2(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a data set and way to write its file; a database that failed has one row with status and reason."""
    parts = scores["metric"].str.extract(r"(?P<name>\w+)\[(?P<file>\w+)\]")
    of_file = scores.join(parts)[parts["name"].isin(OF_FILE)]
    wide = of_file.pivot(index=[*KEYS, "file"], columns="name", values="value").reindex(columns=list(OF_FILE))
    kept = ["stand_in", "status", "reason", "threads", "host"]
    about = of_file.drop_duplicates([*KEYS, "file"]).set_index([*KEYS, "file"])[kept]
    bad = scores[(scores["status"] != "ok") & (scores["metric"] == SIZE)].assign(file="")
    table = pd.concat([wide.join(about).reset_index(), bad[[*KEYS, "file", *kept]]], ignore_index=True)
    for name in OF_DATABASE:
        of_database = scores[scores["metric"] == name].set_index(KEYS)["value"]
        table = table.join(of_database.rename(name), on=KEYS)
    plain = table[table["file"] == PLAIN].set_index(KEYS)[SIZE]
    table[REDUCTION] = 1 - table[SIZE] / table[KEYS].join(plain, on=KEYS)[SIZE]
    table[BESIDE_QUERY] = table[LOAD] / table[QUERY]
    place = table["file"].map(lambda name: list(COMPRESSIONS).index(name) if name else -1)
    order = table["dataset"].map(list(dict.fromkeys(scores["dataset"])).index)
    table = table.assign(place=place, order=order).sort_values(["order", "place"], kind="stable")
    front = [*KEYS, "file", *OF_DATABASE, *OF_FILE, REDUCTION, BESIDE_QUERY]
    return table[[*front, *kept]].reset_index(drop=True)


def draw_cf_table2(table: pd.DataFrame, facts: Sequence[Mapping[str, Any]]) -> Figure:
    """`table`: of `cf_table2`."""
    datasets = list(dict.fromkeys(table["dataset"]))
    with style():
        height = 1.3 + ROW_INCHES * len(datasets)
        figure, axes = plt.subplots(1, 4, figsize=(13.0, height), sharey=True, layout="constrained")
        panels = (
            (SIZE, "size of the file, bytes a cell", lambda row: row[SIZE] / row[CELLS], _reduced),
            (SAVE, "saving, ms", lambda row: 1e3 * row[SAVE], lambda row: ""),
            (LOAD, "loading, ms", lambda row: 1e3 * row[LOAD], lambda row: ""),
            (
                BESIDE_QUERY,
                "loading beside querying, %",
                lambda row: 100 * row[BESIDE_QUERY],
                lambda row: "",
            ),
        )
        for axis, (name, title, value, remark) in zip(axes, panels, strict=True):
            _bars(axis, table[table[name].notna()], datasets, value, remark)
            axis.set_title(title, loc="left")
        axes[0].set_yticks(range(len(datasets)), [_named(name, table, facts) for name in datasets])
        axes[0].set_ylim(len(datasets) - 0.5, -0.5)
        names = {PLAIN: "not compressed", GZIP: "gzip", ZSTD: "zstd"}
        handles: list[Artist] = [Patch(color=COLOURS[name], label=title) for name, title in names.items()]
        add_notes(figure, _notes(table), handles)
    return figure


def _bars(axis: Axes, here: pd.DataFrame, datasets: Sequence[str], value: Any, remark: Any) -> None:
    for place in range(1, len(datasets), 2):
        axis.axhspan(place - 0.5, place + 0.5, color=BAND, linewidth=0, zorder=-2)
    widest = max((value(row) for _, row in here.iterrows()), default=1.0)
    for _, row in here.iterrows():
        shift = (list(COMPRESSIONS).index(row["file"]) - 1) * 0.26
        at = datasets.index(row["dataset"]) + shift
        axis.barh(at, value(row), height=0.24, color=COLOURS[row["file"]])
        text = f" {_short(value(row))}{remark(row)}"
        axis.text(value(row), at, text, va="center", fontsize=SMALL, color=GREY)
    axis.set_xlim(0, 1.32 * widest)
    axis.grid(axis="y", visible=False)
    axis.tick_params(axis="y", length=0)


def _reduced(row: pd.Series) -> str:
    return "" if row["file"] == PLAIN else f" ({-100 * row[REDUCTION]:+.0f}%)"


def _named(dataset: str, table: pd.DataFrame, facts: Sequence[Mapping[str, Any]]) -> str:
    row = table[table["dataset"] == dataset].iloc[0]
    fact = next(fact for fact in facts if fact["dataset"] == dataset)
    origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
    if not np.isfinite(row[CELLS]):
        return f"{dataset}\n{row['status']}"
    head = f"{dataset} ({origin})" if origin else dataset
    megabytes, scanned = (row[name] / 2**20 for name in (MEMORY, SCANNED))
    return f"{head}\n{row[CELLS]:,.0f} cells; in memory {megabytes:.2g} MB, {scanned:.2g} without indexes"


def _notes(table: pd.DataFrame) -> list[str]:
    ran = table[table["status"] == "ok"]
    notes = [f"medians of five; {machine(ran)}; files just written lie in the system's memory"]
    return notes + [
        f"{row.method} on {row.dataset}: {row.status} ({row.reason})"
        for row in table[table["status"] != "ok"].itertuples()
    ]


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
