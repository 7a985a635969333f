"""Reference results: what of a finished run is committed, and the headline that the README shows of it."""

import shutil
from pathlib import Path

import pandas as pd

from schash.atomic import atomic_path
from schash.errors import DataError

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
    commits = set(pd.read_csv(run / "metrics.tsv", sep="\t", usecols=["git_sha"], dtype=str)["git_sha"])
    if len(commits) != 1 or any(sha.endswith("-dirty") for sha in commits):
        message = f"{run}: metrics.tsv must come from one clean commit, found {', '.join(sorted(commits))}"
        raise DataError(message)
    (target / "figures").mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        shutil.copyfile(run / name, target / name)
    for figure in figures:
        for kind in FIGURE_KINDS:
            shutil.copyfile(run / "figures" / f"{figure}.{kind}", target / "figures" / f"{figure}.{kind}")


def headline_markdown(table: pd.DataFrame, controls: list[str], *, metric: str = "median_f1") -> str:
    """Markdown table of a metric, mean over folds, from the table behind fig2a.

    The best of each data set is bold; a dagger marks what is worse than it by the paired bootstrap over cells after
    Holm's correction. Methods are ordered by their mean over the data sets that all of them ran on.
    """
    rows = table[((table["metric"] == metric) | (table["status"] != "ok")) & ~table["method"].isin(controls)]
    titles = table.dropna(subset=["title"]).set_index("method")["title"].to_dict()
    datasets = list(dict.fromkeys(rows["dataset"]))
    means = rows.pivot(index="method", columns="dataset", values="mean")[datasets]
    complete = means.dropna(axis=1)
    order = complete.mean(axis=1).sort_values(ascending=False).index
    lines = [
        "| method | " + " | ".join(datasets) + " | mean |",
        "|---" * (len(datasets) + 2) + "|",
    ]
    for method in order:
        cells = [
            _cell(rows[(rows["method"] == method) & (rows["dataset"] == name)], means[name].max())
            for name in datasets
        ]
        lines.append(
            f"| {titles.get(method, method)} | "
            + " | ".join(cells)
            + f" | {complete.loc[method].mean():.3f} |"
        )
    return "\n".join(lines)


def _cell(row: pd.DataFrame, best: float) -> str:
    if row.empty or row["status"].iloc[0] != "ok":
        return row["status"].iloc[0] if len(row) else "-"
    record = row.iloc[0]
    text = f"{record['mean']:.3f} ± {record['sd']:.3f}"
    if record["mean"] == best:
        return f"**{text}**"
    return f"{text}†" if record["p_holm"] < SIGNIFICANT and record["difference"] < 0 else text


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
