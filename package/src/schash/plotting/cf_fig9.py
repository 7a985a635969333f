"""Where the time of a query goes, by the size of the database (CellFishing.jl, Fig. 9): stages on top of each other, by
the index and by a linear scan, and their shares. A diamond is a whole query, whose loop does three of the stages at
once: it says how far to trust the sum."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from schash.plotting.growth import machine
from schash.plotting.rows import add_notes
from schash.plotting.scale_panels import power_of_two
from schash.plotting.style import style
from schash.query_stages import PREPROCESSING, RANK, SEARCH, STAGES
from schash.scale_numbers import COUNTS
from schash.search_race import QUERY
from schash.stage_timing import LINEAR, MULTI, STAGE
from schash.timing_table import by_size

KEYS = ["experiment", "dataset", "scheme", "method"]
NAMES = {MULTI: "multi-index", LINEAR: "linear scan"}
COLOURS = {
    "check": "#BFC9D6",
    "select": "#8FB3D9",
    "normalise": "#5B8DB8",
    "project": "#2F6690",
    "hash": "#16425B",
    "search": "#E26505",
    "rank": "#7A1903",
}
LETTER = 0.04
"""Shares below it are not written."""


def cf_fig9(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a size, index and stage: milliseconds of a query, their share of all stages, and those of a whole query;
    with what is known of the size. A size that did not run has one row without a stage."""
    rows = by_size(scores)
    stages = rows[rows["name"] == STAGE]
    parts = stages["what"].str.partition("-")
    stages = stages.assign(stage=parts[0], index=parts[2].replace("", MULTI))
    before = stages[(stages["index"] == MULTI) & stages["stage"].isin(PREPROCESSING)]
    stages = pd.concat(
        [stages, before.assign(index=LINEAR)], ignore_index=True
    )  # the same, whatever searches
    table = stages.rename(columns={"value": "ms"})
    table["share"] = table["ms"] / table.groupby([*KEYS, "size", "index"])["ms"].transform("sum")
    whole = rows[(rows["name"] == QUERY) & rows["what"].isin(NAMES)].rename(columns={"what": "index"})
    of_query = whole.set_index([*KEYS, "size", "index"])["value"].rename(QUERY)
    table = table.join(of_query, on=[*KEYS, "size", "index"])
    counts = rows[rows["name"].isin(COUNTS.values())]
    table = table.join(
        counts.pivot(index=[*KEYS, "size"], columns="name", values="value"), on=[*KEYS, "size"]
    )
    missing = scores[scores["metric"].str.startswith(QUERY) & (scores["status"] != "ok")]
    missing = missing.assign(stage="", index="", size=missing["metric"].str.extract(r"n=(\d+)")[0].fillna(0))
    table = pd.concat([table, missing.astype({"size": np.int64})], ignore_index=True)
    order = {name: place for place, name in enumerate((*NAMES, *STAGES))}
    places = {"first": table["index"].map(order).fillna(-1), "second": table["stage"].map(order).fillna(-1)}
    table = table.assign(**places).sort_values(["dataset", "first", "size", "second"], kind="stable")
    kept = ["stand_in", "status", "reason", "threads", "host"]
    columns = [*KEYS, "index", "size", "stage", "ms", "share", QUERY, *COUNTS.values(), *kept]
    return table.reindex(columns=columns).reset_index(drop=True)


def draw_cf_fig9(table: pd.DataFrame, facts: Sequence[Mapping[str, Any]]) -> Figure:
    """`table`: of `cf_fig9`. Three panels a data set."""
    by_id = {fact["dataset"]: fact for fact in facts}
    datasets = list(dict.fromkeys(table["dataset"]))
    with style():
        figure = plt.figure(figsize=(12.5, 4.0 * len(datasets)), layout="constrained")
        parts = figure.subfigures(len(datasets), 1, squeeze=False)[:, 0]
        for part, dataset in zip(parts, datasets, strict=True):
            here = table[(table["dataset"] == dataset) & (table["stage"] != "")]
            axes = part.subplots(1, 3)
            for axis, (index, value) in zip(
                axes, ((MULTI, "ms"), (MULTI, "share"), (LINEAR, "ms")), strict=True
            ):
                _stacked(axis, here[here["index"] == index], value)
                name = NAMES[index]
                axis.set_title(
                    f"{name}: {'ms a query' if value == 'ms' else 'share of the stages'}", loc="left"
                )
                axis.set_xlabel("cells in the database")
            part.suptitle(_heading(by_id[dataset]), x=0.01, ha="left", fontsize=11, fontweight="bold")
        handles: list[Artist] = [Patch(color=COLOURS[name], label=name) for name in STAGES]
        handles.append(
            Line2D([], [], color="black", marker="D", markersize=5, linestyle="", label="a whole query")
        )
        add_notes(figure, _notes(table, datasets), handles)
    return figure


def _stacked(axis: Axes, here: pd.DataFrame, value: str) -> None:
    sizes = sorted(set(here["size"]))
    base = np.zeros(len(sizes))
    for stage in STAGES:
        rows = here[here["stage"] == stage].set_index("size").reindex(sizes)
        heights = rows[value].fillna(0).to_numpy()
        axis.bar(range(len(sizes)), heights, bottom=base, color=COLOURS[stage], width=0.75)
        if value == "share":
            for place, (height, bottom) in enumerate(zip(heights, base, strict=True)):
                if height >= LETTER:
                    dark = stage not in ("check", "select")
                    axis.text(
                        place,
                        bottom + height / 2,
                        f"{100 * height:.0f}",
                        ha="center",
                        va="center",
                        fontsize=7,
                        color="white" if dark else "black",
                    )
        base += heights
    if value == "ms" and len(sizes):
        whole = here.drop_duplicates("size").set_index("size").reindex(sizes)[QUERY]
        axis.plot(range(len(sizes)), whole, color="black", marker="D", markersize=5, linestyle="")
        axis.set_ylim(0, 1.1 * max(whole.max(), base.max()))
    if value == "share":
        axis.set_ylim(0, 1)
        axis.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    axis.set_xticks(range(len(sizes)), [power_of_two(size) for size in sizes])
    axis.grid(axis="x", visible=False)


def _heading(fact: Mapping[str, Any]) -> str:
    origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
    return f"{fact['dataset']} ({origin})" if origin else str(fact["dataset"])


def _notes(table: pd.DataFrame, datasets: Sequence[str]) -> list[str]:
    ran = table[table["status"] == "ok"]
    notes = [f"10 neighbours of up to 10,000 queries; {machine(ran)}; the two scales of milliseconds differ"]
    for dataset in datasets:
        here = ran[ran["dataset"] == dataset].sort_values("size")
        if len(here):
            row = here.iloc[-1]
            notes.append(
                f"{dataset}: {row[COUNTS['genes']]:,.0f} genes, {row[COUNTS['selected genes']]:,.0f} selected at "
                f"{row['size']:,} cells; {row[COUNTS['a query']]:,.0f} non-zeros a query, "
                f"{row[COUNTS['selected a query']]:,.0f} in selected genes"
            )
    sums = ran.groupby(["dataset", "index", "size"]).agg(ms=("ms", "sum"), whole=(QUERY, "first"))
    if len(sums):
        ratio = sums["ms"] / sums["whole"]
        notes.append(f"the stages add up to {ratio.min():.2f} to {ratio.max():.2f} of a whole query")
    bad = table[table["status"] != "ok"]
    return notes + [
        f"{row.method} on {row.dataset}, {row.size:,} cells: {row.status} ({row.reason})"
        for row in bad.itertuples()
    ]


assert set(COLOURS) == {*PREPROCESSING, SEARCH, RANK}
