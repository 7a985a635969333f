"""Panels of Fig. 4: scores against the bits of a code, against one setting, and differences of anchors fold by fold."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from schash.plotting.rows import SMALL, beside, words
from schash.plotting.style import LOOKS

METRIC = "median_f1"
DASH = "\N{EN DASH}"
LEARNED = "learned"


class Scheme(NamedTuple):
    """How anchors of one scheme are drawn and called."""

    label: str
    short: str
    colour: str
    marker: str


SCHEMES = {
    "sampled": Scheme("sampled columns, as written", "sampled", LOOKS["deephash_compact"].colour, "o"),
    "first_rows": Scheme("first rows, as coded", "first rows", LOOKS["deephash_as_coded"].colour, "X"),
    LEARNED: Scheme("learned with the hash function", "learned", "#0072B2", "^"),
}
PLAIN = Scheme("learned without a guard", "learned", "#56B4E9", "v")
"""Learned anchors that may coincide (`anchor_margin` 0)."""
DODGE = 0.06
"""Between the schemes at one width, in doublings."""
DATASET_COLOURS = ("#222222", "#8A8A8A", "#5B5B5B", "#B0B0B0")
DATASET_MARKERS = ("o", "s", "^", "D")
DATASET_LINES = ("-", "--", "-.", ":")


def spread(low: float, high: float) -> str:
    """A number, or the lowest and highest over the folds; a dash where there is none."""
    if np.isnan(low):
        return DASH
    return f"{low:.0f}" if low == high else f"{low:.0f}{DASH}{high:.0f}"


def bits_panel(axis: Axes, strip: Axes, rows: pd.DataFrame) -> None:
    """Mean and sd over folds against the width of the code, a line a scheme; in the strip below, the distinct bits.

    rows : of fig4's table, one data set
    """
    widths = sorted(set(rows["code_bits_low"].dropna().astype(int)))
    for place, (name, scheme) in enumerate(SCHEMES.items()):
        line = rows[rows["anchors"] == name].dropna(subset=[METRIC, "code_bits_low"])
        line = line.drop_duplicates("code_bits_low").set_index("code_bits_low").sort_index()
        x = line.index.to_numpy(float) * 2 ** (DODGE * (place - 1))
        axis.errorbar(x, line[METRIC], yerr=line[f"{METRIC}_sd"], label=scheme.label, **_line(scheme))
        distinct = line[["distinct_bits_low", "distinct_bits_high"]].astype(float).reindex(widths)
        for width, low, high in distinct.itertuples():
            options: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": SMALL}
            strip.text(width, place, spread(low, high), color=scheme.colour, **options)
    rule = rows.loc[rows["n_bits_given"].isna(), "code_bits_low"].dropna()
    if len(rule):
        axis.axvline(rule.iloc[0], color="#BBBBBB", linewidth=1, linestyle=":", zorder=0)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_locator(FixedLocator(widths))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}"))
    axis.set_xlim(min(widths, default=32) / 1.4, max(widths, default=256) * 1.4)
    axis.tick_params(labelbottom=True)
    axis.set_xlabel("bits of a code", labelpad=1)
    axis.grid(axis="x", visible=False)
    _bare(strip)


def _bare(strip: Axes) -> None:
    """A table: the names of the schemes where the ticks of the y axis would be, and nothing else."""
    strip.set_ylim(len(SCHEMES) - 0.4, -0.6)
    strip.set_yticks(range(len(SCHEMES)), [f"distinct, {scheme.short}" for scheme in SCHEMES.values()])
    for label, scheme in zip(strip.get_yticklabels(), SCHEMES.values(), strict=True):
        label.set_color(scheme.colour)
        label.set_fontsize(SMALL)
    strip.tick_params(length=0, which="both", labelbottom=False)
    strip.grid(visible=False)
    strip.spines[:].set_visible(False)


def anchors_panel(
    axis: Axes,
    rows: pd.DataFrame,
    lead: pd.DataFrame,
    metric: str,
    published: Mapping[str, float],
) -> None:
    """Differences to the first method: a row for each data set and kind of learned anchors, a point a fold.

    rows : of fig4's table in the order of the figure; lead : differences in `metric` by (dataset, method) and fold;
    published : by data set, predefined minus learned in median F1
    """
    for place, row in enumerate(rows.to_dict("records")):
        scheme = PLAIN if row["anchor_margin"] == 0 else SCHEMES[LEARNED]
        key = (row["dataset"], row["method"])
        values = lead.loc[key].dropna().to_numpy(float) if key in lead.index else np.empty(0)
        if len(values):
            heights = place + np.linspace(-0.22, 0.22, len(values))
            axis.scatter(values, heights, s=13, color=scheme.colour, alpha=0.75, linewidth=0, zorder=3)
            axis.plot([values.mean()] * 2, [place - 0.34, place + 0.34], color=scheme.colour, linewidth=2.4)
            beside(axis, place, f"{values.mean():+.3f}")
        elif row["status"] != "ok":
            words(axis, place, row["status"])
        value = published.get(row["dataset"]) if metric == METRIC else None
        if value is not None and row["anchor_margin"]:
            axis.plot(-value, place, clip_on=False, zorder=4, **PUBLISHED)
    axis.axvline(0, color="#888888", linewidth=0.9)
    axis.grid(axis="y", visible=False)
    axis.tick_params(axis="y", length=0)


PUBLISHED: dict[str, Any] = {
    "marker": "v",
    "markersize": 5.5,
    "linestyle": "none",
    "markerfacecolor": "black",
    "markeredgecolor": "black",
}


def setting_panel(axis: Axes, rows: pd.DataFrame, name: str, default: float, datasets: Sequence[str]) -> None:
    """Mean difference to the first method and its sd against the values of one setting, a line a data set."""
    values = sorted(set(rows[name]))
    for place, dataset in enumerate(datasets):
        line = rows[rows["dataset"] == dataset].set_index(name)[
            [f"{METRIC}_difference", f"{METRIC}_difference_sd"]
        ]
        line = line[~line.index.duplicated()].reindex(values)
        x = np.arange(len(values)) + 0.1 * (place - (len(datasets) - 1) / 2)
        axis.errorbar(x, *line.to_numpy(float).T, label=dataset, elinewidth=0.8, **dataset_look(place))
    axis.axhline(0, color="#888888", linewidth=0.9, zorder=0)
    names = [plain(value, bold=value == default) for value in values]
    axis.set_xticks(range(len(values)), names, fontsize=SMALL)
    for label, value in zip(axis.get_xticklabels(), values, strict=True):
        label.set_fontweight("bold" if value == default else "normal")
    axis.set_xlim(-0.5, len(values) - 0.5)
    axis.grid(axis="x", visible=False)


def dataset_look(place: int) -> dict[str, Any]:
    """How the line of a data set is drawn, by its place."""
    return {
        "color": DATASET_COLOURS[place % len(DATASET_COLOURS)],
        "marker": DATASET_MARKERS[place % len(DATASET_MARKERS)],
        "linestyle": DATASET_LINES[place % len(DATASET_LINES)],
        "markersize": 4.5,
        "linewidth": 1.3,
    }


def plain(value: float, *, bold: bool = False) -> str:
    """A setting as short as it can be read: .9999, .01, 10 to the power of -4."""
    mantissa, exponent = f"{value:e}".split("e")
    if 0 < value < 0.01 and float(mantissa) == 1:
        power = f"10^{{{int(exponent)}}}"
        return f"$\\mathbf{{{power}}}$" if bold else f"${power}$"
    return f"{value:g}".removeprefix("0") or "0"


def _line(scheme: Scheme) -> dict[str, Any]:
    return {
        "color": scheme.colour,
        "marker": scheme.marker,
        "markersize": 6,
        "linewidth": 1.5,
        "elinewidth": 0.9,
        "capsize": 0,
    }
