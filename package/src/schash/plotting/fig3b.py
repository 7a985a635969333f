"""Milliseconds of a query in a larger and larger database (scDeepHash, Fig. 3b), and whether the index finds what the
linear scan finds.

Left the whole query, from counts to neighbours; right the search alone, among codes. Under the panels the numbers at
the largest database that a search ran on: a speed says little without the distance of the tenth neighbour.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from schash.code_databases import ANCHOR, FAISS, LINEAR, MULTI
from schash.plotting.growth import log_log, machine, mark_tm
from schash.plotting.rows import GREY, add_notes
from schash.plotting.style import colour, marker, style
from schash.search_race import BUILD, BYTES, D10, ENCODE, IDENTICAL, QUERY, RECALL, SEARCH
from schash.search_timing import BITS, DISTINCT, ENCODE_DATABASE, OWN
from schash.timing_table import FAISS_METHOD, by_size, slope

KEYS = ["experiment", "dataset", "scheme", "method"]
SIZED = (QUERY, SEARCH, BUILD, BYTES, D10, RECALL, IDENTICAL)
OF_METHOD = (ENCODE, ENCODE_DATABASE, BITS)
PANELS = {QUERY: "from counts to neighbours", SEARCH: "the search alone, codes to neighbours"}
LINES = {ANCHOR: "-", MULTI: "-", LINEAR: ":", FAISS: "-.", OWN: "-"}
MARKERS = {MULTI: "s", LINEAR: "."}
NAMES = {ANCHOR: "buckets of anchors (the paper's)", MULTI: "multi-index", LINEAR: "linear scan", OWN: ""}
FAISS_TITLE = "faiss IndexBinaryFlat, DeepHash's codes"
ROW_INCHES = 0.2


class Series(NamedTuple):
    """One line: a method with one of its indexes."""

    method: str
    kind: str


def fig3b(scores: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """The table behind the figure: one row a method, index and size of the database, with status and reason; the slopes
    are those of log milliseconds over log size, over all sizes that ran."""
    at_size = by_size(scores)
    distinct = at_size[at_size["name"] == DISTINCT].set_index([*KEYS, "size"])["value"].rename(DISTINCT)
    rows = at_size[at_size["name"].isin(SIZED)]
    wide = rows.pivot(index=[*KEYS, "what", "size"], columns="name", values="value").reindex(
        columns=list(SIZED)
    )
    about = rows.drop_duplicates([*KEYS, "what", "size"]).set_index([*KEYS, "what", "size"])
    kept = ["stand_in", "preset", "variant", "status", "reason", "fit_s", "peak_mb", "threads", "host"]
    table = wide.join(about[kept]).reset_index().join(distinct, on=[*KEYS, "size"])
    failed = scores[(scores["metric"] == QUERY) & (scores["status"] != "ok")].assign(what="", size=0)
    table = pd.concat([table, failed[[*KEYS, "what", "size", *kept]]], ignore_index=True)
    for name in OF_METHOD:
        of_method = scores[scores["metric"] == name].set_index(KEYS)["value"]
        table = table.join(of_method.rename(name), on=KEYS)
    for name in (QUERY, SEARCH):
        table = table.join(_slopes(table, name), on=[*KEYS, "what"])
    table.insert(4, "title", [_title(row, titles) for row in table.itertuples()])
    order = list(dict.fromkeys(scores["method"]))
    place = table["method"].map(order.index)
    kind = table["what"].map([*NAMES, FAISS].index, na_action="ignore").where(table["what"] != "", -1)
    table = table.assign(place=place, kind=kind).sort_values(
        ["dataset", "place", "kind", "size"], kind="stable"
    )
    return table.drop(columns=["place", "kind"]).rename(columns={"what": "index"}).reset_index(drop=True)


def _slopes(table: pd.DataFrame, name: str) -> pd.Series:
    keys = [*KEYS, "what"]
    ran = table[table[name].notna()]
    found = {key: slope(list(rows["size"]), list(rows[name])) for key, rows in ran.groupby(keys)}
    index = pd.MultiIndex.from_frame(ran[keys].drop_duplicates())
    return pd.Series([found[key] for key in index], index, name=f"{name}_slope", dtype=float)


def _title(row: Any, titles: Mapping[str, str]) -> str:
    if row.method == FAISS_METHOD:
        return FAISS_TITLE
    name = NAMES.get(row.what, row.what)
    return ", ".join(part for part in (titles.get(row.method, row.method), name) if part)


def draw_fig3b(table: pd.DataFrame, facts: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> Figure:
    """Two panels a data set, with their numbers under them. `table`: of `fig3b`."""
    by_id = {fact["dataset"]: fact for fact in facts}
    datasets = list(dict.fromkeys(table["dataset"]))
    with style():
        n_series = max(len(_series(table[table["dataset"] == name])) for name in datasets)
        height = 4.2 + ROW_INCHES * (n_series + 2)
        figure = plt.figure(figsize=(11.5, height * len(datasets)), layout="constrained")
        parts = figure.subfigures(len(datasets), 1, squeeze=False)[:, 0]
        for part, dataset in zip(parts, datasets, strict=True):
            here = table[table["dataset"] == dataset]
            grid = part.add_gridspec(2, 2, height_ratios=[4.0, ROW_INCHES * (n_series + 2)])
            first = part.add_subplot(grid[0, 0])
            axes = [first, part.add_subplot(grid[0, 1], sharex=first, sharey=first)]
            for axis, (metric, title) in zip(axes, PANELS.items(), strict=True):
                _panel(axis, here, metric)
                axis.set_title(title, loc="left")
                axis.set_xlabel("cells in the database")
            for axis in axes:  # which share their axes: limits once the lines of both are there
                log_log(axis, sorted(here.loc[here["size"] > 0, "size"]) or [1, 10])
                mark_tm(axis, named=axis is first)
            part.suptitle(_heading(by_id[dataset]), x=0.01, ha="left", fontsize=11, fontweight="bold")
            first.set_ylabel("milliseconds a query")
            _numbers(part.add_subplot(grid[1, :]), here)
        add_notes(figure, _notes(table, titles), [])
    return figure


def _heading(fact: Mapping[str, Any]) -> str:
    origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
    name = f"{fact['dataset']} ({origin})" if origin else fact["dataset"]
    return f"{name}: copies of its {fact['cells_over_10']:,} cells of {fact['types_over_10']} types"


def _series(here: pd.DataFrame) -> list[Series]:
    ran = here[here[QUERY].notna() | here[SEARCH].notna()]
    return [Series(*pair) for pair in dict.fromkeys(zip(ran["method"], ran["index"], strict=True))]


def _rows(here: pd.DataFrame, series: Series) -> pd.DataFrame:
    return here[(here["method"] == series.method) & (here["index"] == series.kind)].sort_values("size")


def _look(series: Series) -> dict[str, Any]:
    faiss = series.method == FAISS_METHOD
    fill = "#000000" if faiss else colour(series.method)
    shape = "x" if faiss else MARKERS.get(series.kind, marker(series.method))
    own = series.kind in (ANCHOR, OWN) or (series.kind == MULTI and series.method == "cellfishing")
    if own:
        shape = marker(series.method)
    return {
        "color": fill,
        "linestyle": LINES.get(series.kind, "-"),
        "marker": shape,
        "markersize": 6 if own else 5,
        "markerfacecolor": fill if own or faiss or series.kind == LINEAR else "white",
        "linewidth": 2.0 if own else 1.3,
        "zorder": 4 if own else 3,
    }


def _panel(axis: Axes, here: pd.DataFrame, metric: str) -> None:
    for series in _series(here):
        if metric == QUERY and series.kind in (LINEAR, FAISS):
            continue  # what they add to hashing is in the other panel
        rows = _rows(here, series).dropna(subset=[metric])
        if len(rows):
            axis.plot(rows["size"], rows[metric], **_look(series))


_COLUMNS = {
    "cells": 0.40,
    "query": 0.475,
    "search": 0.545,
    "slope": 0.605,
    "10th neighbour": 0.715,
    "recall of the scan": 0.83,
    "bytes a cell": 0.91,
    "build": 0.985,
}
"""Right edge of each column of numbers."""


def _numbers(axis: Axes, here: pd.DataFrame) -> None:
    """A legend that says at the largest database what each search costs and finds."""
    axis.set_axis_off()
    all_series = _series(here)
    axis.set_xlim(0, 1)
    axis.set_ylim(len(all_series) + 0.5, -0.8)
    options: dict[str, Any] = {"va": "center", "fontsize": 8}
    for name, right in _COLUMNS.items():
        axis.text(right, 0, name, ha="right", color=GREY, **options)
    for place, series in enumerate(all_series, start=1):
        row = _rows(here, series).dropna(subset=[QUERY]).iloc[-1]
        axis.add_line(Line2D([0.005, 0.045], [place, place], **{**_look(series), "markevery": [1]}))
        axis.text(0.06, place, row["title"], ha="left", **options)
        for text, right in zip(_texts(row), _COLUMNS.values(), strict=True):
            axis.text(right, place, text, ha="right", **options)


def _texts(row: pd.Series) -> list[str]:
    bits = f" of {row[BITS]:.0f}" if np.isfinite(row[BITS]) else ""
    unit = " (1 - cosine)" if row["index"] == OWN else f"{bits} bits"
    slope_of = row[f"{SEARCH}_slope"] if np.isfinite(row[SEARCH]) else row[f"{QUERY}_slope"]
    return [
        f"{row['size']:,}",
        f"{_short(row[QUERY])} ms",
        f"{_short(row[SEARCH])} ms" if np.isfinite(row[SEARCH]) else "-",
        f"{slope_of:.2f}" if np.isfinite(slope_of) else "-",
        f"{row[D10]:.2f}{unit}" if np.isfinite(row[D10]) else "-",
        f"{row[RECALL]:.4g}" if np.isfinite(row[RECALL]) else "-",
        f"{row[BYTES]:,.0f}" if np.isfinite(row[BYTES]) else "-",
        f"{_short(row[BUILD])} s" if row[BUILD] >= 1 else f"{_short(1e3 * row[BUILD])} ms",
    ]


def _notes(table: pd.DataFrame, titles: Mapping[str, str]) -> list[str]:
    notes = [f"queries and database: copies of cells of different folds; {machine(table)}"]
    exact = table[table[IDENTICAL].notna() & (table["index"] == MULTI)]
    if len(exact) and (exact[IDENTICAL] == 1).all():
        notes.append(
            f"multi-index against linear scan: the same answers to every query in all {len(exact)} comparisons; "
            "multi-index hashing gives up no accuracy"
        )
    bad = table[table["status"] != "ok"].drop_duplicates(["dataset", "method"])
    notes += [f"{row.title} at {row.size:,} cells: {row.status} ({row.reason})" for row in bad.itertuples()]
    return notes


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:#.2g}"
