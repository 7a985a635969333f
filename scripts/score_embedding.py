"""Put the types on the embeddings of one data set: purity and silhouette of its query cells."""

import platform

import pandas as pd

from schash.embedding import read_embedding
from schash.embedding_scoring import CELL_COLUMNS, score_embedding
from schash.joblog import job_log
from schash.tables import EXPERIMENT_COLUMNS, write_table


def main(embeddings: list[str], solution: str, runs: list[dict], scores: str, cells: str) -> None:
    truth = pd.read_parquet(solution)
    score_tables, cell_tables = [], []
    for run, path in zip(runs, embeddings, strict=True):
        scored, placed = score_embedding(read_embedding(path), truth, platform.node())
        score_tables.append(scored.assign(**run))
        cell_tables.append(placed.assign(**{name: run[name] for name in ("dataset", "scheme", "method")}))
    write_table(pd.concat(score_tables, ignore_index=True), EXPERIMENT_COLUMNS, scores)
    write_table(pd.concat(cell_tables, ignore_index=True), CELL_COLUMNS, cells)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        given = snakemake.input
        main(given.embeddings, given.solution, snakemake.params.runs, **dict(snakemake.output.items()))
