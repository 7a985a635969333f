"""End a run: the controls must have reached their ceiling and no run may have failed; else name what did, and fail."""

from schash.atomic import write_text
from schash.joblog import job_log
from schash.marks import marks_of
from schash.paper_vs_ours import count_verdicts, read_verdicts
from schash.tables import METRIC_COLUMNS, read_table
from schash.verdict import check_run


def main(given, methods: dict, output: str, tell) -> None:
    published = count_verdicts(read_verdicts(given.paper_vs_ours))
    verdict = check_run(read_table(given.metrics, METRIC_COLUMNS), **methods, published=published)
    tell(verdict.text)
    verdict.raise_if_bad()
    write_text(output, verdict.text + "\n")


if __name__ == "__main__":
    with job_log(snakemake.log[0]) as tell:
        methods = {name: snakemake.params[name] for name in ("titles", "positive_controls", "controls")}
        methods["marks"] = marks_of(snakemake.params.transductive, snakemake.params.rejects)
        main(snakemake.input, methods, snakemake.output[0], tell)
