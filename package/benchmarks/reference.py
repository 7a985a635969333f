"""Make a finished benchmark the committed reference, and write the README's table of it.

Usage: python -m benchmarks.reference RUN TARGET README
"""

import shutil
import sys
from pathlib import Path

import pandas as pd

from benchmarks import case_cellfishing, case_learned, case_search
from benchmarks.settings import MAIN_BITS, MAIN_K
from schash.errors import DataError
from schash.reference import write_block

KEPT = ("bench.tsv", "facts.tsv", "targets.tsv", "bench.png", "bench.svg")
SHOWN = {
    "multi_fast": "MultiIndex",
    "multi_compact": "MultiIndex, compact",
    "multi_tables": "tables only",
    "linear": "LinearIndex",
    "faiss_flat": "faiss flat",
}
BLOCK = """\
Exact search: the 10 nearest of 2^20 codes of {bits} bits, for 2,000 queries on {threads} threads of one process.
Milliseconds a query, and how many times faster than faiss `IndexBinaryFlat` (`make bench`, {cpu}, commit
`{git_sha}`). d10 is the mean distance of the 10th neighbour: how hard the search is.

{table}

{targets}

The cells of the CellFishing row: {cells}, searched with layout "{layout}". The learned codes: {learned}.

All of it, with other widths, k, approximate peers and growth: [docs/benchmarks.md](docs/benchmarks.md).
"""


def main(run: Path, target: Path, readme: Path) -> None:
    """Copy the tables and the figure; write the block between the README's `bench` markers."""
    searches = pd.read_csv(run / "bench.tsv", sep="\t")
    commits = {*searches["git_sha"], *pd.read_csv(run / "facts.tsv", sep="\t")["git_sha"]}
    if len(commits) != 1 or any(sha.endswith("-dirty") for sha in commits):
        message = f"{run}: its tables must come from one clean commit, found {', '.join(sorted(commits))}"
        raise DataError(message)
    target.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        shutil.copyfile(run / name, target / name)
    threads = int(searches["threads"].max())
    facts = pd.read_csv(run / "facts.tsv", sep="\t").groupby("case")["data"].first()
    block = BLOCK.format(
        bits=MAIN_BITS,
        threads=threads,
        cpu=searches["cpu"].iloc[0],
        git_sha=searches["git_sha"].iloc[0],
        table=search_table(searches, threads),
        cells=facts[case_cellfishing.CASE],
        layout=case_cellfishing.LAYOUT,
        learned=facts[case_learned.CASE],
        targets=target_table(pd.read_csv(run / "targets.tsv", sep="\t")),
    )
    write_block(readme, "bench", block.rstrip())


def search_table(searches: pd.DataFrame, threads: int) -> str:
    """One row a difficulty, one column a contestant."""
    rows = searches[
        (searches["case"] == case_search.CASE)
        & (searches["bits"] == MAIN_BITS)
        & (searches["k"] == MAIN_K)
        & (searches["threads"] == threads)
    ]
    shown = [name for name in SHOWN if name in set(rows["contestant"])]
    lines = [
        "| codes | d10 | " + " | ".join(SHOWN[name] for name in shown) + " |",
        "|---" * (len(shown) + 2) + "|",
    ]
    for _, level in rows.groupby("level", sort=False):
        of = level.set_index("contestant")[["ms_per_query", "speedup"]].astype(float)
        cells = [f"{ms:.4f} ({times:.1f}x)" for ms, times in of.loc[shown].to_numpy().tolist()]
        name = "uniformly random" if level["level"].iloc[0] == "uniform" else "in 60 clusters"
        lines.append(f"| {name} | {level['d10'].iloc[0]:.1f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def target_table(targets: pd.DataFrame) -> str:
    """What was aimed at and what was reached."""
    lines = ["| what | reached | aim |", "|---|---|---|"]
    for row in targets.fillna({"unit": ""}).to_dict("records"):
        reached = f"{row['reached']:,.0f}" if row["reached"] >= 1000 else f"{row['reached']:.3g}"
        lines.append(f"| {row['what']} | {reached} {row['unit']} | {row['target']:,g} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
