# Scores of an experiment in one table, their means, and every method against the best.


def score_files(wildcards):
    pattern = f"{ROOT}/scores/{{0.dataset}}/{{0.scheme}}/{{0.method}}.parquet"
    return [pattern.format(run) for run in PLAN.runs(wildcards.experiment)]


def prediction_files(wildcards):
    pattern = f"{ROOT}/runs/{{0.dataset}}/{{0.scheme}}/{{0.method}}/predictions.parquet"
    return [pattern.format(run) for run in PLAN.runs(wildcards.experiment)]


def solution_files(wildcards):
    spec = CONFIG.experiment(wildcards.experiment)
    return [f"{ROOT}/splits/{name}/{spec.scheme}/solution.parquet" for name in spec.datasets]


def run_facts(wildcards):
    """What the metrics say of each run besides its scores, in the order of `score_files`."""
    return [
        {
            **run._asdict(),
            "preset": METHODS.row(run.method).preset,
            "variant": METHODS.row(run.method).variant,
            "stand_in": REGISTRY.dataset(run.dataset).stand_in_for or "",
        }
        for run in PLAN.runs(wildcards.experiment)
    ]


rule experiment_metrics:
    input:
        scores=score_files,
    output:
        metrics=f"{ROOT}/metrics/{{experiment}}.parquet",
        summary=f"{ROOT}/metrics/{{experiment}}.summary.tsv",
    log:
        f"{ROOT}/logs/metrics/{{experiment}}.log",
    benchmark:
        f"{ROOT}/benchmarks/metrics/{{experiment}}.tsv"
    params:
        suite=CONFIG.suite,
        seed=CONFIG.seed,
        runs=run_facts,
        code=code("experiment_metrics.py"),
    resources:
        mem_mb=2000,
        runtime=20,
    message:
        "Collect the metrics of {wildcards.experiment}"
    conda:
        "../../envs/schash.yaml"
    script:
        "../../scripts/experiment_metrics.py"


rule comparisons:
    input:
        summary=rules.experiment_metrics.output.summary,
        predictions=prediction_files,
        solutions=solution_files,
    output:
        f"{ROOT}/metrics/{{experiment}}.comparisons.tsv",
    log:
        f"{ROOT}/logs/comparisons/{{experiment}}.log",
    benchmark:
        f"{ROOT}/benchmarks/comparisons/{{experiment}}.tsv"
    params:
        runs=run_facts,
        controls=[name for name, row in METHODS.methods.items() if row.control],
        seed=CONFIG.seed,
        n_replicates=CONFIG.bootstrap,
        code=code("comparisons.py"),
    resources:
        mem_mb=2000,
        runtime=60,
    message:
        "Compare the methods of {wildcards.experiment} with the best"
    conda:
        "../../envs/schash.yaml"
    script:
        "../../scripts/comparisons.py"


rule metrics:
    input:
        tables=[f"{ROOT}/metrics/{name}.parquet" for name in PLAN.benchmarks()],
    output:
        parquet=f"{ROOT}/metrics.parquet",
        tsv=f"{ROOT}/metrics.tsv",
    log:
        f"{ROOT}/logs/metrics.log",
    benchmark:
        f"{ROOT}/benchmarks/metrics.tsv"
    params:
        code=code("metrics.py"),
    resources:
        mem_mb=2000,
        runtime=20,
    message:
        "Write metrics.parquet and metrics.tsv"
    conda:
        "../../envs/schash.yaml"
    script:
        "../../scripts/metrics.py"
