"""The page `paper and ours`: every published number beside ours, as one HTML file that needs nothing else.

Rows stand by paper, target and data set. Outcomes are told by a word, a sign and a colour of their own (Okabe and Ito);
the boxes at the head hide outcomes and papers by style sheet alone, without a script.
"""

import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from schash.atomic import atomic_path
from schash.expected import PRESETS
from schash.page_style import STYLE
from schash.paper_vs_ours import OUTCOMES, STAND_IN, outcomes

PAPERS = {
    "scdeephash": "scDeepHash (Ma et al. 2022)",
    "cellfishing": "CellFishing.jl (Sato et al. 2019)",
}
TARGETS = {
    "table1": "Table 1: data sets",
    "fig2a": "Fig. 2a: annotation within a data set",
    "fig2b": "Fig. 2b: annotation across studies",
    "fig2d": "Fig. 2d: time to annotate",
    "table2": "Table 2: mean average precision of retrieval",
    "fig3a": "Fig. 3a: precision of retrieval",
    "fig3b": "Fig. 3b: time of retrieval",
    "fig4": "Fig. 4: bits and anchors",
    "cf_table1": "Table 1: data sets",
    "cf_fig2": "Fig. 2: gene selection and singular value decomposition",
    "cf_fig3": "Fig. 3: angles estimated from bits",
    "cf_fig4": "Fig. 4: mapping a data set onto itself",
    "cf_fig5": "Fig. 5: consistency by cluster",
    "cf_fig6": "Fig. 6: confusion",
    "cf_fig7": "Fig. 7: mapping across batches",
    "cf_species": "Mapping across species",
    "cf_fig8": "Fig. 8: mapping across protocols",
    "cf_table2": "Table 2: saving and loading",
    "cf_table3": "Table 3: scalability",
    "cf_fig9": "Fig. 9: where the query time goes",
}
"""Titles of the targets, in the order of the papers."""

CLASSES = dict(zip(OUTCOMES, ("agrees", "differs", "agrees-si", "differs-si", "not-run"), strict=True))
SIGNS = dict(zip(OUTCOMES, ("✓", "✗", "✓", "✗", "·"), strict=True))
RELATIONS = {"about": "", "at_most": "≤ ", "at_least": "≥ "}
_WORDS = (
    (r"^(cells|genes|types)$", r"\1"),
    (r"^types_over_10$", "types of more than 10 cells"),
    (r"map_hits_at_(\d+)", r"mAP@\1 (over hits)"),
    (r"precision_at_(\d+)_over_types", r"P@\1 (mean over types)"),
    (r"_checkpoint_validation", ", validation"),
    (r"_gap_to_(\w+)", r" minus that of \1"),
    (r"_ratio_to_(\w+)", r" as a multiple of \1's"),
    (r"median_f1", "median F1"),
    (r"_spread", ", range over folds"),
    (r"_2p(\d+)", r" at 2^\1 cells"),
    (r"_(\d+)bits", r", \1 bits"),
    (r"annotate_s\b", "annotation time (s)"),
    (r"(query|index)_(m?s)\b", r"\1 time (\2)"),
    (r"_", " "),
)
EMPTY = "·"


def page(table: pd.DataFrame, *, run: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """The page as HTML.

    table : schash.paper_vs_ours.VERDICT_COLUMNS
    run : what is said of the run, by its name; titles : of our methods and those of the papers
    """
    table = table.assign(outcome=outcomes(table))
    titles = {"deephash": "DeepHash", **titles}
    papers = [name for name in PAPERS if name in set(table["paper"])]
    inputs = "".join(_box(kind, f"show-{CLASSES[kind]}") for kind in OUTCOMES)
    inputs += "".join(_box(PAPERS[name], f"paper-{name}") for name in papers)
    facts = " · ".join(f"{escape(name)} {escape(value)}" for name, value in run.items())
    parts = [
        f"<h1>Paper and ours</h1><p class=run>{facts}</p>",
        _head(table),
        f"<fieldset><legend>Show</legend>{inputs}</fieldset>",
        *(_paper(name, table[table["paper"] == name], titles) for name in papers),
    ]
    style = f"<style>{STYLE}</style>"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Paper and ours</title>{style}</head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def write_page(text: str, path: str | Path) -> None:
    """Write the page."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def words(metric: str, titles: Mapping[str, str] | None = None) -> str:
    """A metric's name for people."""
    named = dict(titles or {})
    for pattern, text in _WORDS[:-1]:
        metric = re.sub(pattern, text, metric)
    for name in sorted(named, key=len, reverse=True):
        metric = re.sub(rf"\b{re.escape(name)}\b", lambda found: named[found[0]], metric)
    pattern, text = _WORDS[-1]
    return re.sub(pattern, text, metric)


def _box(label: str, name: str) -> str:
    return f'<label><input type="checkbox" id="{name}" checked> {escape(label)}</label>'


def _head(table: pd.DataFrame) -> str:
    counts = table["outcome"].value_counts()
    boxes = "".join(
        f'<div class="count {CLASSES[name]}"><b>{counts.get(name, 0)}</b><span>{_badge(name)}</span></div>'
        for name in OUTCOMES
    )
    said = (
        f"{len(table)} published numbers, each with its place in the paper. A number that we have from a stand-in data"
        " set neither confirms nor refutes the paper's: it is counted apart. Bounds (≤, ≥) are what a paper says in"
        " words; where the bound is ours, the note says so. Ours are means over folds, ± the standard deviation."
    )
    return f"<div class=counts>{boxes}</div><p>{said}</p>{_overview(table)}"


def _overview(table: pd.DataFrame) -> str:
    heads = "".join(f"<th>{_badge(name)}</th>" for name in OUTCOMES)
    rows = []
    for paper, target, part in _targets(table):
        counts = part["outcome"].value_counts()
        cells = "".join(f"<td>{counts.get(name, EMPTY)}</td>" for name in OUTCOMES)
        rows.append(
            f"<tr><td>{escape(PAPERS[paper].split(' (')[0])}</td>"
            f'<td><a href="#{paper}-{target}">{escape(TARGETS.get(target, target))}</a></td>{cells}</tr>'
        )
    return (
        "<details open><summary>By figure and table</summary><table class=overview><thead><tr><th>paper</th>"
        f"<th>figure or table</th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></details>"
    )


def _targets(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Rows of each paper and target, both in their order; the rows of a target stand by data set."""
    places = {name: place for place, name in enumerate(TARGETS)}
    for paper in PAPERS:
        mine = table[table["paper"] == paper]
        for target in sorted(set(mine["target"]), key=lambda name: (places.get(name, len(places)), name)):
            part = mine[mine["target"] == target]
            first = {name: place for place, name in enumerate(dict.fromkeys(part["dataset"]))}
            yield paper, target, part.loc[part["dataset"].map(first).sort_values(kind="stable").index]


def _paper(paper: str, table: pd.DataFrame, titles: Mapping[str, str]) -> str:
    heads = "".join(
        f"<th>{name}</th>"
        for name in ("verdict", "data set", "method", "number", "paper", "ours", "difference", "remarks")
    )
    bodies = []
    for _, target, part in _targets(table):
        counts = part["outcome"].value_counts()
        said = ", ".join(f"{counts[name]} {name}" for name in OUTCOMES if name in counts)
        rows = "".join(_row(row, titles) for row in part.itertuples(index=False))
        bodies.append(
            f'<tbody id="{paper}-{target}"><tr class=target><th colspan=8>'
            f"{escape(TARGETS.get(target, target))} <span>{escape(said)}</span></th></tr>{rows}</tbody>"
        )
    return (
        f'<section class="paper-{paper}"><h2>{escape(PAPERS[paper])}</h2><table class=numbers>'
        f"<thead><tr>{heads}</tr></thead>{''.join(bodies)}</table></section>"
    )


def _row(row: Any, titles: Mapping[str, str]) -> str:
    run = row.same != ""
    spread = f" ± {_number(row.ours_sd)}" if np.isfinite(row.ours_sd) else ""
    folds = f"<small>{row.n} folds</small>" if row.n > 1 else ""
    where = f"<small>on {escape(row.ran_on)}, a stand-in</small>" if row.same == STAND_IN else ""
    ran = (
        f"<small>{escape(_methods(row.ran, titles))}</small>"
        if run and row.method in PRESETS and row.ran != row.method
        else ""
    )
    tolerance = f"<small>± {row.tolerance:g}</small>" if row.tolerance else ""
    cells = (
        ("v", _badge(row.outcome)),
        ("", f"{escape(row.data_name)}{where}"),
        ("", f"{escape(titles.get(row.method, row.method)) or EMPTY}{ran}"),
        ("", f"{escape(words(row.metric, titles))}<small>{escape(row.source)}</small>"),
        ("n", f"{RELATIONS[row.relation]}{_number(row.paper_value)}{tolerance}"),
        ("n", f"{_number(row.ours)}{spread}{folds}" if run else EMPTY),
        ("n", _number(row.difference, sign="+") if run else EMPTY),
        ("r", _remarks(row)),
    )
    inside = "".join(
        f'<td class="{kind}">{text}</td>' if kind else f"<td>{text}</td>" for kind, text in cells
    )
    return f'<tr id="{escape(row.id)}" class="{CLASSES[row.outcome]}">{inside}</tr>'


def _remarks(row: Any) -> str:
    """Why it was not run, or what else differs from the paper's way; then what the paper's number is."""
    parts = row.reason.split("; ")
    if row.same:
        shown = (f"stand-in: {row.ran_on} for {row.data_name}", f"{row.ran} ran")
        parts = [part for part in parts[:-1] if part not in shown]
    said = escape("; ".join(parts))
    note = f"<small>{escape(row.note)}</small>" if row.note else ""
    return said + note


def _methods(ran: str, titles: Mapping[str, str]) -> str:
    return "; ".join(titles.get(name, name) for name in ran.split(", "))


def _badge(outcome: str) -> str:
    return f'<span class="badge {CLASSES[outcome]}"><i>{SIGNS[outcome]}</i>{escape(outcome)}</span>'


def _number(value: float, sign: str = "") -> str:
    large = abs(value) >= 1000 or value == round(value)
    form = ",.0f" if large else ".3f" if abs(value) < 10 else ".4g"
    return format(value, sign + form).replace("-", "\N{MINUS SIGN}")
