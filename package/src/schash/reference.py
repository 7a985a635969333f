"""Reference results: what of a finished run is committed, and the headline that the README shows of it."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from schash.atomic import atomic_path
from schash.errors import DataError
from schash.marks import marked_title, status_in_words
from schash.standings import DECIMALS, best_scores, complete, mean_ranks, order_methods, score_table

KEPT = ("metrics.tsv", "paper_vs_ours.tsv", "config.yaml", "environment.yaml")
FIGURE_KINDS = ("png", "svg", "tsv")
SIGNIFICANT = 0.05


def copy_reference(run: Path, target: Path, figures: list[str]) -> None:
    """Copy the metrics, provenance and headline figures of a finished run to `target`.

    Raises
    ------
    DataError
        if the run has not ended well (it has no verdict), or its numbers do not come from one clean commit
    """
    if not (run / "verdict.txt").is_file():
        message = f"{run}: has no verdict.txt; only a run that ended well can become the reference"
        raise DataError(message)
    one_clean_commit(
        pd.read_csv(run / "metrics.tsv", sep="\t", usecols=["git_sha"], dtype=str), run / "metrics.tsv"
    )
    (target / "figures").mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        shutil.copyfile(run / name, target / name)
    for figure in figures:
        for kind in FIGURE_KINDS:
            shutil.copyfile(run / "figures" / f"{figure}.{kind}", target / "figures" / f"{figure}.{kind}")


def one_clean_commit(metrics: pd.DataFrame, path: Path) -> str:
    """The commit that all rows of the metrics come from; `DataError` where they are several, or one with changes."""
    commits = sorted(metrics["git_sha"].unique())
    if len(commits) != 1 or not commits[0] or commits[0].endswith("-dirty"):
        message = f"{path}: must come from one clean commit, found {', '.join(commits) or 'none'}"
        raise DataError(message)
    return str(commits[0])


def headline_markdown(
    table: pd.DataFrame,
    controls: Sequence[str],
    *,
    marks: Mapping[str, str] | None = None,
    metric: str = "median_f1",
) -> str:
    """Markdown table of a metric, mean and sd over folds, from the table behind fig2a; controls are left out.

    The best of each data set is bold; a dagger marks what is worse than it by the paired bootstrap over cells after
    Holm's correction. The last columns: the mean over data sets and the mean rank (for methods that ran on all of
    them, see schash.standings), and the number of data sets on which a method is not worse than the best, out of those
    on which it is the best or was compared with it. Rows stand in the order of fig2a.
    """
    rows = table[((table["metric"] == metric) | (table["status"] != "ok")) & ~table["method"].isin(controls)]
    named = table.dropna(subset=["title"])
    titles = dict(zip(named["method"], named["title"], strict=True))
    scores = score_table(rows, metric)
    best, means, ranks = best_scores(scores, controls), complete(scores).mean(axis=1), mean_ranks(scores)
    lines = [
        "| method | " + " | ".join(_heading(name) for name in [*scores, *_LAST]) + " |",
        "|---" * (len(scores.columns) + len(_LAST) + 1) + "|",
    ]
    for method in order_methods(scores, controls):
        mine = rows[rows["method"] == method].set_index("dataset")
        cells = [_cell(mine, name, is_best=bool(best[name][method])) for name in map(str, scores)]
        is_complete = method in means.index
        cells += [_number(means[method]), f"{ranks[method]:.1f}"] if is_complete else ["-", "-"]
        compared = mine[mine["p_holm"].notna() | (mine["mean"] == scores.max()[mine.index])]
        cells.append(f"{len(compared) - int(_is_worse(compared).sum())} of {len(compared)}")
        lines.append(f"| {marked_title(method, titles, marks or {})} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


_LAST = ("mean", "mean rank", "not worse than best")


def _heading(name: str) -> str:
    """A name that breaks at its underscores, since the table is wide."""
    return name.replace("_", "_<br>")


def _number(value: float) -> str:
    return f"{value:.{DECIMALS}f}".removeprefix("0")


def _cell(rows: pd.DataFrame, dataset: str, *, is_best: bool) -> str:
    here = rows[rows.index == dataset]
    if here.empty or here["status"].iloc[0] != "ok":
        return status_in_words(here["status"])
    mean, sd = _number(here["mean"].iloc[0]), _number(here["sd"].iloc[0])
    dagger = "†" if _is_worse(here).iloc[0] else ""
    return f"{f'**{mean}**' if is_best else mean}{dagger} ±{sd}"


def _is_worse(rows: pd.DataFrame) -> pd.Series:
    return (rows["p_holm"] < SIGNIFICANT) & (rows["difference"] < 0)


def markers(name: str) -> tuple[str, str]:
    """What stands before and after a block that is written into a page."""
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def write_block(page: Path, name: str, block: str) -> None:
    """Replace what stands between the markers of `name` on a page of Markdown.

    Raises
    ------
    DataError
        if the page does not have each marker once
    """
    begin, end = markers(name)
    text = page.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        message = f"{page}: needs the markers {begin} and {end} once each"
        raise DataError(message)
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    with atomic_path(page) as temporary:
        temporary.write_text(f"{head}{begin}\n{block}\n{end}{tail}", encoding="utf-8")
