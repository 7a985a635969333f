"""Make a finished run the committed reference of its suite; for `small`, write the README's headline from it.

Usage: python scripts/write_reference.py SUITE
"""

import sys
from pathlib import Path

import pandas as pd
import yaml

from schash.marks import marks_of, notes_on
from schash.methods.catalogue import load_catalogue
from schash.reference import copy_reference, headline_markdown, write_block

FIGURES = {
    "demo": [],
    "small": [
        *("table1", "fig2a", "confusion", "costs", "training", "fig2b", "fig2c", "fig2d"),
        *("table2", "fig3a", "fig3b", "fig4", "variants"),
        *(f"cf_{name}" for name in ("table1", "table2", "table3", "species")),
        *(f"cf_fig{number}" for number in range(2, 10)),
    ],
}
HEADLINE = """\
![Median F1 over 5 folds, every method, eight sets of real cells](results/reference/small/figures/fig2a.svg)

Median F1 over types, mean ±sd of 5 folds (`make small`, {processor}, {threads} threads, commit `{git_sha}`). Bold: the
best of the data set, to three decimals. †: worse than the best (paired bootstrap over cells, Holm-corrected p < 0.05);
the last column counts the data sets without a †. Mean and mean rank are those of methods that ran on every data set,
ranked among themselves, ties sharing a rank; a method that lacks one stands where its lead on the others puts it.
{notes} What each of them costs: [seconds and memory](results/reference/small/figures/costs.svg).

{table}
"""


def main(suite: str) -> None:
    run, target = Path("results") / suite, Path("results/reference") / suite
    copy_reference(run, target, FIGURES.get(suite, []))
    if suite == "small":
        facts = yaml.safe_load((run / "environment.yaml").read_text())
        threads = yaml.safe_load((run / "config.yaml").read_text())["threads"]
        rows = load_catalogue("config/methods.yaml").methods
        controls = [name for name, row in rows.items() if row.control]
        marks = marks_of(
            [name for name, row in rows.items() if row.transductive],
            [name for name, row in rows.items() if row.rejects],
        )
        scores = pd.read_csv(run / "figures/fig2a.tsv", sep="\t")
        table = headline_markdown(scores, controls, marks=marks)
        notes = " ".join(f"{note}." for note in notes_on(set(scores["method"]), marks))
        block = HEADLINE.format(table=table, notes=notes, threads=threads, **facts).rstrip()
        write_block(Path("README.md"), "headline", block)


if __name__ == "__main__":
    main(sys.argv[1])
