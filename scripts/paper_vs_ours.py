"""Hold every published number against ours: agrees, differs or not run, with the reason; as a table and as a page."""

import pandas as pd

from schash.expected import read_expected
from schash.joblog import job_log
from schash.paper_vs_ours import count_verdicts, verdicts, write_verdicts
from schash.paper_vs_ours_page import page, write_page
from schash.tables import METRIC_COLUMNS, read_table


def main(metrics: str, table1: list[str], expected: str, titles: dict[str, str], tsv: str, html: str) -> None:
    tables = [pd.read_csv(path, sep="\t", keep_default_na=False) for path in table1]
    data_sets = pd.concat(tables, ignore_index=True).drop_duplicates("dataset")
    scores = read_table(metrics, METRIC_COLUMNS)
    table = verdicts(read_expected(expected), scores, data_sets)
    write_verdicts(table, tsv)
    run = {"suite": scores["suite"].iloc[0], "commit": scores["git_sha"].iloc[0]}
    write_page(page(table, run=run, titles=titles), html)
    print(count_verdicts(table))


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        given = dict(snakemake.input.items()) | dict(snakemake.output.items())
        main(**given, titles=snakemake.params.titles)
