"""The files of a comparison: diff.tsv, summary.json and summary.md."""

import json
import re
from collections import Counter
from html import escape
from pathlib import Path

import numpy as np

from schash.atomic import atomic_path
from schash.regression.comparison import Comparison
from schash.regression.verdicts import DIFF_COLUMNS, DRIFT, GOOD
from schash.regression.wording import WORDS, headline, more, provenance, what, where
from schash.tables import write_table

FILES = ("diff.tsv", "summary.json", "summary.md")
MOST = 25
"""Rows of a table in Markdown: a comment on a pull request is read, not scrolled."""


def write_comparison(comparison: Comparison, folder: str | Path) -> None:
    """Write diff.tsv (DIFF_COLUMNS of what is not the same, worst first), summary.json and summary.md."""
    table = comparison.table
    texts = {"summary.json": summary_json(comparison), "summary.md": summary_markdown(comparison)}
    write_table(table[table["verdict"] != "same"], DIFF_COLUMNS, Path(folder) / "diff.tsv")
    for name, text in texts.items():
        with atomic_path(Path(folder) / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def summary_json(comparison: Comparison) -> str:
    """Outcome, counts by verdict and tolerance, both runs, calibration, and what drifted, a record a run."""
    groups, clock = comparison.groups(), comparison.clock
    quality = comparison.table[comparison.table["tolerance_from"].isin(["seeds", "folds", "kin", "floor"])]
    told = [
        {
            **{name: getattr(row, name) for name in ("verdict", "experiment", "dataset", "scheme", "method")},
            "metric": row.metric,
            "numbers": numbers,
            **{name: _finite(getattr(row, name)) for name in ("reference", "run", "tolerance", "excess")},
            "text": what(row),
        }
        for row, numbers in zip(groups.itertuples(), groups["numbers"].tolist(), strict=True)
    ]
    facts = {
        "drift": comparison.drifted,
        "headline": headline(comparison),
        "counts": comparison.counts,
        "tolerance_from": dict(Counter(quality["tolerance_from"].astype(str))),
        **comparison.facts,
        "calibration": {"ratio": _finite(clock.ratio), "kernels": clock.kernels, "reason": clock.reason},
        "remarks": list(comparison.remarks),
        "told": told,
    }
    return json.dumps(facts, indent=2, allow_nan=False) + "\n"


def _finite(value: float) -> float | None:
    """JSON knows no infinity and no NaN."""
    return float(value) if np.isfinite(value) else None


def summary_markdown(comparison: Comparison) -> str:
    """What a reviewer needs: the outcome, the worst rows, what got better, where both runs come from."""
    groups = comparison.groups()
    suite = comparison.facts["run"]["suite"]
    lines = [
        f"## {'❌' if comparison.drifted else '✅'} Regression, suite {suite}",
        "",
        headline(comparison),
        "",
    ]
    for verdicts, title in ((DRIFT, "Drift, worst first"), (GOOD, "Better or new")):
        rows = groups[groups["verdict"].isin(list(verdicts))]
        if rows.empty:
            continue
        lines += [f"### {title}", "", "| | where | what | more |", "|---|---|---|---|"]
        lines += [
            f"| {row.verdict} | {_cell(where(row))} | {_cell(what(row))} | {more(row)} |"
            for row in rows.head(MOST).itertuples()
        ]
        lines += [f"\n{len(rows) - MOST} more rows in diff.tsv"] * (len(rows) > MOST) + [""]
    used = [f"*{name}*: {WORDS[name]}" for name in comparison.counts if name in WORDS]
    details = [*provenance(comparison), *comparison.remarks, *used]
    lines += ["<details><summary>Where this comes from</summary>", ""]
    lines += [f"- {_cell(line)}" for line in details]
    return "\n".join([*lines, "", "</details>", ""])


def _cell(text: str) -> str:
    """Text in a table: a bar would end the cell, a line break the row; and what a program said when it failed may hold
    tags, or call somebody."""
    plain = re.sub(r"[\\`|]", r"\\\g<0>", escape(text, quote=False)).replace("@", "&#64;")
    return " ".join(plain.split())
