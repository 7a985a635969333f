"""Paper against code: what each divergence of the published code changes, in annotation and in retrieval.

One row a variant, one panel a data set. Above: the change of median and macro F1 against scDeepHash as written, in the
same folds. Below: mAP@k by its denominator; the line between the two dots of a row is what the denominator of the
released code adds.
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

from schash.marks import NOT_RUN
from schash.plotting.rows import GREY, HEADING_INCHES, SMALL, add_notes, heading, share_rows, words
from schash.plotting.style import style
from schash.variants_table import ANNOTATION, F1_METRICS, HITS, RETRIEVAL, STANDARD, retrieval_metric

LOOKS = {"median_f1": ("#D55E00", "o", -0.16), "macro_f1": ("#0072B2", "s", 0.16)}
"""Colour, marker and place in the row of each score of annotation."""
FILL = "#7B3294"
"""Colour of retrieval."""
ROW_INCHES, TITLE_INCHES, PANEL_INCHES, COLUMN_POINTS = 0.27, 0.5, 3.1, 36
COLUMNS = {RETRIEVAL: ("÷ min(k,R)", "÷ hits"), ANNOTATION: ("median", "macro")}
HEADS = {
    ANNOTATION: "Annotation: change against as written, in the same folds",
    RETRIEVAL: "Retrieval: mAP@k, k the mean number of cells a type, by denominator",
}
MIN_INCHES = 8.5
MIN_SPAN = 0.1
"""Of the axis of mAP@k: less of it would make much of little."""
N_NAMED = 3
"""How many of the largest changes the notes name."""
_STANDARD = retrieval_metric(STANDARD)


def draw_variants(table: pd.DataFrame, facts: Sequence[Mapping[str, Any]]) -> Figure:
    """Both blocks of `schash.variants_table.variants`, or the one that it has.

    facts : of each data set (schash.facts)
    """
    blocks = [name for name in HEADS if name in set(table["block"])]
    methods = list(dict.fromkeys(table["method"]))
    titles = dict(zip(table["method"], table["title"], strict=True))
    height = len(blocks) * (TITLE_INCHES + HEADING_INCHES + ROW_INCHES * len(methods))
    with style():
        figure = plt.figure(
            figsize=(max(MIN_INCHES, 2.4 + PANEL_INCHES * len(facts)), height), layout="constrained"
        )
        parts = figure.subfigures(len(blocks), 1, squeeze=False)[:, 0]
        for letter, name, part in zip("ab", blocks, parts, strict=False):
            part.suptitle(f"({letter}) {HEADS[name]}", x=0.01, ha="left", fontsize=11, fontweight="bold")
            _block(part, name, table[table["block"] == name], methods, titles, facts)
        add_notes(figure, readings(table), _handles(blocks))
    return figure


def _block(
    part: SubFigure,
    name: str,
    table: pd.DataFrame,
    methods: list[str],
    titles: Mapping[str, str],
    facts: Sequence[Mapping[str, Any]],
) -> None:
    axes = part.subplots(1, len(facts), sharex=True, sharey=True, squeeze=False)[0]
    for axis, fact in zip(axes, facts, strict=True):
        origin = fact["stand_in_for"] and ("simulated" if fact["simulated"] else "stand-in")
        title = f"{fact['dataset']} ({origin})" if origin else fact["dataset"]
        heading(axis, title, f"{fact['cells_over_10']:,} cells, {fact['types_over_10']} types", "")
        here = table[table["dataset"] == fact["dataset"]]
        draw = _changes if name == ANNOTATION else _precisions
        draw(axis, here, methods)
        said = here.drop_duplicates("method").set_index("method")["status"]
        for row, method in enumerate(methods):
            status = str(said.get(method, NOT_RUN))
            if status != "ok":
                words(axis, row, status)
        for place, text in enumerate(COLUMNS[name]):
            _head(axis, place, text)
    share_rows(axes, methods, titles, n_ranked=len(methods))
    if name == RETRIEVAL:
        _widen(axes[0])
    part.supxlabel(
        "difference, mean over folds and 95% interval" if name == ANNOTATION else "mAP@k", fontsize=9
    )


def _widen(axis: Axes) -> None:
    low, high = axis.get_xlim()
    if high - low < MIN_SPAN:
        end = min((low + high + MIN_SPAN) / 2, 1 + MIN_SPAN / 10)
        axis.set_xlim(end - MIN_SPAN, end)


def _changes(axis: Axes, rows: pd.DataFrame, methods: list[str]) -> None:
    axis.axvline(0, color="#888888", linewidth=0.9, zorder=1)
    for place, (metric, (colour, marker, offset)) in enumerate(LOOKS.items()):
        for row in rows[rows["metric"] == metric].to_dict("records"):
            height = methods.index(row["method"])
            if row["method"] == methods[0]:
                _number(axis, place, height, f"{row['mean']:.3f}", bold=True)
                continue
            sure = row["low"] > 0 or row["high"] < 0
            _number(axis, place, height, _signed(row["difference"]), bold=sure)
            axis.plot([row["low"], row["high"]], [height + offset] * 2, color=colour, linewidth=1.1)
            look: dict[str, Any] = {
                "color": colour,
                "marker": marker,
                "markersize": 4.5,
                "clip_on": False,
                "zorder": 4,
            }
            axis.plot(row["difference"], height + offset, **look)


def _precisions(axis: Axes, rows: pd.DataFrame, methods: list[str]) -> None:
    values = rows[rows["status"] == "ok"].pivot(index="method", columns="metric", values="mean")
    for method, scores in values.iterrows():
        height = methods.index(str(method))
        ends = [_shown(scores, denominator) for denominator in (STANDARD, HITS)]
        axis.plot([value for value, _ in ends], [height] * 2, color=FILL, linewidth=1.4, alpha=0.45, zorder=2)
        for place, ((value, by_row), fill) in enumerate(zip(ends, (FILL, "white"), strict=True)):
            look: dict[str, Any] = {
                "marker": "o",
                "markersize": 5.5,
                "markeredgecolor": FILL,
                "markerfacecolor": fill,
            }
            axis.plot(value, height, zorder=4 - place, clip_on=False, **look)
            text = "-" if np.isnan(value) else f"{value:.3f}{'*' if by_row else ''}"
            _number(axis, place, height, text, bold=method == methods[0])
        if scores.isna().all():
            words(axis, height, "lists end before k")
        if method == methods[0]:
            axis.axvline(ends[0][0], color=FILL, linewidth=0.8, linestyle=":", zorder=1)


def _shown(values: pd.Series, denominator: str) -> tuple[float, bool]:
    """The score averaged over ties; by row, and said so, where lists end among ties."""
    averaged, by_row = (
        float(values.get(retrieval_metric(denominator, ties), np.nan)) for ties in ("averaged", "by_row")
    )
    falls = bool(np.isnan(averaged) and not np.isnan(by_row))
    return (by_row if falls else averaged), falls


def _number(axis: Axes, place: int, height: float, text: str, *, bold: bool = False) -> None:
    axis.annotate(
        text,
        (1, height),
        xycoords=axis.get_yaxis_transform(),
        xytext=(4 + COLUMN_POINTS * (place + 1), 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=SMALL,
        color="black" if bold else GREY,
        fontweight="bold" if bold else "normal",
    )


def _head(axis: Axes, place: int, text: str) -> None:
    offset = (4 + COLUMN_POINTS * (place + 1), 5)
    options: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "right"}
    axis.annotate(text, (1, 1), xytext=offset, fontsize=SMALL - 0.5, color=GREY, **options)


def readings(table: pd.DataFrame) -> list[str]:
    """What the table says, in words: the largest changes of each headline result, and what scoring alone changes."""
    first = table["method"].iloc[0]
    notes = [
        "Numbers in (a): the change, in the first row the score itself; bold: the interval, corrected for folds that"
        " share cells, excludes 0."
    ]
    for metric, name in (("median_f1", "Annotation, median F1"), (_STANDARD, "Retrieval, mAP@k ÷ min(k, R)")):
        changes = table[(table["metric"] == metric) & (table["method"] != first)].dropna(subset="difference")
        if len(changes):
            sure = (changes["low"] > 0) | (changes["high"] < 0)
            notes.append(
                f"{name}: largest changes against as written: {_largest(changes)};"
                f" {sure.sum()} of {len(sure)} intervals exclude 0."
            )
    return [*notes, *_scoring(table, first)]


def _largest(changes: pd.DataFrame) -> str:
    """The variants with the largest change on any data set, each with its smallest and its largest."""
    ends = changes.groupby("title", sort=False)["difference"].agg(["min", "max"])
    order = ends.abs().max(axis=1).sort_values(ascending=False, kind="stable").index[:N_NAMED]
    said = []
    for title, (low, high) in ends.loc[order].iterrows():
        span = _signed(low) if _signed(low) == _signed(high) else f"{_signed(low)} to {_signed(high)}"
        said.append(f"{title} {span}")
    return "; ".join(said)


def _scoring(table: pd.DataFrame, first: str) -> list[str]:
    """What the way of scoring alone changes: denominator and ties, with the same ranking."""
    maps = table[table["block"] == RETRIEVAL].pivot(
        index=["dataset", "method"], columns="metric", values="mean"
    )
    notes = []
    for other, text in (
        (retrieval_metric(HITS), "divided by hits instead of min(k, R)"),
        (retrieval_metric(STANDARD, "by_row"), "with ties by row instead of averaged"),
    ):
        if {_STANDARD, other} <= set(maps.columns):
            added = (maps[other] - maps[_STANDARD]).dropna()
            mine = added[added.index.get_level_values("method") == first]
            if len(mine):
                largest = added.iloc[int(added.abs().to_numpy().argmax())]
                notes.append(
                    f"The same rankings {text}: {_signed(mine.mean())} as written (mean over data sets),"
                    f" at most {_signed(largest)}."
                )
    return notes


def _signed(value: float) -> str:
    text = f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")
    return text if float(f"{value:.3f}") else text[1:]


def _handles(blocks: Sequence[str]) -> list[Artist]:
    handles: list[Artist] = []
    if ANNOTATION in blocks:
        handles += [
            Line2D([], [], color=colour, marker=marker, markersize=4.5, label=F1_METRICS[metric])
            for metric, (colour, marker, _) in LOOKS.items()
        ]
    if RETRIEVAL in blocks:
        dot: dict[str, Any] = {"marker": "o", "linestyle": "none", "markeredgecolor": FILL}
        handles += [
            Line2D([], [], label="÷ min(k, R): standard", markerfacecolor=FILL, **dot),
            Line2D([], [], label="÷ hits: the authors' code", markerfacecolor="white", **dot),
        ]
    return handles
