"""Fit the hash function of a method on one fold, and map the fold's query cells before and after it, without labels."""

from pathlib import Path

from schash.embedding import FOLD, embed, write_embedding
from schash.folds import RunFiles, RunSettings, fold_input
from schash.joblog import job_log
from schash.methods.catalogue import MethodRow
from schash.schema import validate


def main(files: RunFiles, settings: RunSettings, output: str) -> None:
    write_embedding(output, embed(fold_input(files, FOLD), settings, FOLD))


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        given, params = snakemake.input, snakemake.params
        settings = RunSettings(
            dataset=snakemake.wildcards.dataset,
            method=snakemake.wildcards.method,
            row=validate(MethodRow, params.row, where="methods.yaml"),
            **params.numbers,
            **snakemake.config["limits"],
        )
        files = RunFiles(*map(Path, (given.cells, given.rows, given.train_labels)))
        main(files, settings, snakemake.output[0])
