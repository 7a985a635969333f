"""Score what every searcher of an experiment found on one data set against the solution."""

from pathlib import Path

import pandas as pd

from schash.found import read_neighbors
from schash.joblog import job_log
from schash.retrieval_ids import CURVE_COLUMNS, MEASURES
from schash.retrieval_ranking import RetrievalOptions, fold_labels
from schash.retrieval_scoring import score_retrieval
from schash.splits import read_rows
from schash.tables import EXPERIMENT_COLUMNS, STATUS_COLUMNS, read_table, write_table


def finder(folder: str, status: pd.DataFrame):
    """Reads what was found in a fold; None where the fold did not run."""
    ran = set(status.loc[status["status"] == "ok", "fold"])
    return lambda fold: read_neighbors(Path(folder) / f"{fold}.schash") if fold in ran else None


def main(given, runs: list[dict], exact: str, ks: tuple[int, ...], output) -> None:
    tables = (pd.read_parquet(path) for path in (given.train_labels, given.solution))
    labels = fold_labels(read_rows(given.rows), *tables)
    status = [read_table(path, STATUS_COLUMNS) for path in given.status]
    find = [finder(*run) for run in zip(given.neighbors, status, strict=True)]
    nearest = next((find[i] for i, run in enumerate(runs) if run["method"] == exact), None)
    scores, curves = [], []
    for run, found, ended in zip(runs, find, status, strict=True):
        where, measures = (run[key] for key in ("dataset", "scheme", "seed")), MEASURES[run["experiment"]]
        score, curve = score_retrieval(
            found, labels, ended, RetrievalOptions(*where, ks, measures=measures), exact=nearest
        )
        scores.append(score.assign(**run))
        curves.append(curve.assign(method=run["method"]))
    write_table(pd.concat(scores, ignore_index=True), EXPERIMENT_COLUMNS, output.scores)
    write_table(pd.concat(curves, ignore_index=True), CURVE_COLUMNS, output.curves)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        params = snakemake.params
        main(snakemake.input, params.runs, params.exact, tuple(params.ks), snakemake.output)
