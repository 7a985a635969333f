"""scDeepHash Fig. 2b: annotation of a study, batch or protocol by the others, as a heat map of median F1.

One row a held-out group, one column a method; the cells as they are above, aligned by mutual nearest neighbours below.
An alignment has seen the query cells, though not their labels, and the table says so.

The mean runs over data sets, each its mean over held-out groups, so that a data set of many groups weighs no more than
another. A method that lacks a fold of a block has no mean there. Columns stand in the order of schash.standings on the
raw cells, controls last.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from schash.folds import NOT_APPLICABLE
from schash.marks import notes_on
from schash.plotting.heat_map import HATCH, HATCH_COLOUR, Block, Row, draw_block, size_of
from schash.plotting.rows import add_notes, marked_titles
from schash.plotting.style import style
from schash.splits import base_scheme
from schash.standings import order_methods
from schash.tables import POOLED

METRIC = "median_f1"
METRICS = (METRIC, "macro_f1", "accuracy", "coverage")
RAW, ALIGNED = "raw", "aligned (saw the queries)"
HEADINGS = {
    RAW: "raw: every batch as it is",
    ALIGNED: "aligned by mutual nearest neighbours: the alignment has seen the unlabelled query cells",
}
KINDS = {"loso": "study", "batch": "batch", "protocol": "protocol", "species": "species"}
MEAN = "mean over data sets"
KEYS = ["dataset", "scheme", "held_out", "method"]
WORDS = {
    "timeout": ("slow", "slow: too slow"),
    "out of memory": ("mem.", "mem.: out of memory"),
    "": ("-", "-: not run, to stay within the time budget; no mean without it"),
}
FAILED = ("fail", "fail: failed, the table says why")
NOTE = (
    "median F1 over the types of the held-out cells; bold: best of its row, controls aside; left out: cells of types "
    "that no training cell has; mean: over data sets, each its mean over held-out groups"
)


def fig2b(
    metrics: pd.DataFrame,
    facts: list[dict[str, Any]],
    splits: list[dict[str, Any]],
    titles: Mapping[str, str],
) -> pd.DataFrame:
    """The table behind the figure: one row a data set, scheme, held-out group and method, and the means at its end.

    metrics : schash.tables.EXPERIMENT_COLUMNS; splits : contents of split.json; facts : schash.facts of the data sets
    """
    folds = metrics[metrics["fold"] != POOLED]
    table = folds.drop_duplicates(["dataset", "scheme", "method", "fold"]).copy()
    for metric in METRICS:
        values = folds[folds["metric"] == metric].set_index(["dataset", "scheme", "method", "fold"])["value"]
        table = table.drop(columns=metric, errors="ignore").join(
            values.rename(metric), on=["dataset", "scheme", "method", "fold"]
        )
    table["cells"] = _kinds_of_cells(table, facts)
    groups = {(split["dataset"], split["scheme"]): split["folds"] for split in splits}
    of_row = [
        groups[name, base_scheme(scheme)][int(fold)]
        for name, scheme, fold in zip(table["dataset"], table["scheme"], table["fold"], strict=True)
    ]
    sizes = pd.DataFrame(of_row, index=table.index).rename(
        columns={"name": "held_out", "n_unseen": "n_left_out"}
    )
    table = pd.concat([table, sizes], axis=1).assign(title=table["method"].map(titles))
    columns = ["cells", *KEYS, "title", *METRICS, "n_query", "n_types", "n_left_out", "n_train"]
    table = table[[*columns, "status", "reason", "fit_s", "predict_s", "stand_in"]]
    return pd.concat([table, _means(table)], ignore_index=True)


def _kinds_of_cells(table: pd.DataFrame, facts: list[dict[str, Any]]) -> list[str]:
    """Aligned by the workflow, or corrected by whoever published them."""
    corrected = {fact["dataset"] for fact in facts if fact["values"] == "corrected"}
    return [
        ALIGNED if base_scheme(scheme) != scheme or name in corrected else RAW
        for name, scheme in zip(table["dataset"], table["scheme"], strict=True)
    ]


def _means(table: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for cells, block in table.groupby("cells", sort=False):
        of_all = mean_scores(block).mean(axis=1, skipna=False)
        rows = of_all.rename(METRIC).rename_axis("method").reset_index()
        titles = block.drop_duplicates("method").set_index("method")["title"]
        statuses = block.groupby("method", sort=False)["status"].agg(_all_of)
        rows = rows.assign(cells=cells, held_out=MEAN, title=rows["method"].map(titles))
        parts.append(rows.assign(status=rows["method"].map(statuses)))
    return pd.concat(parts, ignore_index=True)


def _all_of(statuses: pd.Series) -> str:
    """The status where it is one for all, else that of the first fold that did not run."""
    bad = statuses[statuses != "ok"]
    return "ok" if bad.empty else str(bad.iloc[0])


def mean_scores(table: pd.DataFrame) -> pd.DataFrame:
    """Mean over held-out groups by method (rows) and data set and scheme; NaN where a fold did not run."""
    return table.pivot_table(
        index="method",
        columns=["dataset", "scheme"],
        values=METRIC,
        aggfunc=lambda values: values.mean(skipna=False),
        dropna=False,
        sort=False,
    ).dropna(axis=1, how="all")


def draw_fig2b(
    table: pd.DataFrame,
    facts: list[dict[str, Any]],
    titles: Mapping[str, str],
    *,
    controls: Sequence[str] = (),
    marks: Mapping[str, str] | None = None,
) -> Figure:
    """Draw what `fig2b` made. `marks`: method to its symbols (schash.marks)."""
    marks = marks or {}
    groups = table[table["held_out"] != MEAN]
    kinds = [kind for kind in (RAW, ALIGNED) if (groups["cells"] == kind).any()]
    first = mean_scores(groups[groups["cells"] == kinds[0]])
    methods = order_methods(first.reindex(groups["method"].unique()), controls)
    blocks = [_block(table[table["cells"] == kind], kind, facts, methods, controls) for kind in kinds]
    named = marked_titles(methods, titles, marks)
    with style():
        width, height, heights = size_of(blocks)
        figure, axes = plt.subplots(
            len(blocks),
            1,
            figsize=(width, height),
            height_ratios=heights,
            squeeze=False,
            layout="constrained",
        )
        engine = figure.get_layout_engine()
        assert engine is not None
        engine.set(h_pad=0.1)  # type: ignore[call-arg]  # inches between the blocks
        for number, (axis, block) in enumerate(zip(axes.flat, blocks, strict=True)):
            draw_block(axis, block, [named[name] for name in methods] if number == 0 else [])
        handles = [
            Patch(facecolor="white", edgecolor=HATCH_COLOUR, hatch=HATCH, label=_not_applicable(table))
        ]
        shown = NOT_APPLICABLE in set(table["status"])
        notes = [NOTE, "\u2003\u2003".join([*notes_on(methods, marks), *_words_used(blocks)])]
        add_notes(figure, [note for note in notes if note], handles if shown else [])
    return figure


def _not_applicable(table: pd.DataFrame) -> str:
    aligned = set(table.loc[table["status"] == NOT_APPLICABLE, "cells"]) <= {ALIGNED}
    return "not applicable: the method takes no corrected values" if aligned else "not applicable"


def _words_used(blocks: Sequence[Block]) -> list[str]:
    used = {word for block in blocks for row in block.rows for word in row.words}
    return [note for word, note in dict([*WORDS.values(), FAILED]).items() if word in used]


def _block(
    table: pd.DataFrame,
    kind: str,
    facts: list[dict[str, Any]],
    methods: Sequence[str],
    controls: Sequence[str],
) -> Block:
    rows: list[Row] = []
    of_set = {fact["dataset"]: fact for fact in facts}
    groups = table[table["held_out"] != MEAN]
    for (name, scheme), part in groups.groupby(["dataset", "scheme"], sort=False):
        rows.append(Row(_heading(of_set[name], base_scheme(str(scheme))), is_heading=True))
        for held_out, of_group in part.groupby("held_out", sort=False):
            sizes = of_group.iloc[0]
            beside = tuple(f"{sizes[column]:,}" for column in ("n_query", "n_types", "n_left_out"))
            rows.append(_row(str(held_out), of_group, methods, controls, beside=_whole(beside)))
    mean = _row(MEAN, table[table["held_out"] == MEAN], methods, controls)
    columns = ("cells", "types", "left out")
    return Block(
        HEADINGS[kind], (*rows, mean), columns, n_ranked=sum(name not in controls for name in methods)
    )


def _whole(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(text.removesuffix(".0") for text in texts)


def _heading(fact: dict[str, Any], scheme: str) -> str:
    origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
    name = f"{fact['dataset']} ({origin})" if origin else str(fact["dataset"])
    return f"{name}, held-out {KINDS.get(scheme, scheme)}"


def _row(
    text: str,
    table: pd.DataFrame,
    methods: Sequence[str],
    controls: Sequence[str],
    *,
    beside: tuple[str, ...] = (),
) -> Row:
    found = table.drop_duplicates("method").set_index("method").reindex(list(methods))
    values = found[METRIC].to_numpy(float)
    statuses = found["status"].fillna("").to_numpy(str)
    ranked = np.array([name not in controls for name in methods])
    rounded = np.round(np.where(ranked, values, np.nan), 2)
    best = rounded == (np.nanmax(rounded) if np.isfinite(rounded).any() else np.inf)
    incomplete = (statuses == "ok") & np.isnan(values)  # a mean that lacks a data set
    statuses[incomplete] = ""
    words = tuple("" if status == "ok" else WORDS.get(status, FAILED)[0] for status in statuses)
    hatched = statuses == NOT_APPLICABLE
    words = tuple("" if cell else word for cell, word in zip(hatched, words, strict=True))
    return Row(text, values=values, bold=best, hatched=hatched, words=words, beside=beside)
