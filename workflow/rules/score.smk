# Scores of all runs of an experiment on one data set. With the positive control, the only rule that is given the solution.


def runs_of(wildcards):
    return [run for run in PLAN.runs(wildcards.experiment) if run.dataset == wildcards.dataset]


def run_files(kind):
    """Input function: one file of each run of the experiment on the data set."""
    return lambda wildcards: [f"{RUN}/{kind}.parquet".format(**run._asdict()) for run in runs_of(wildcards)]


def run_facts(wildcards):
    """What the metrics say of each run besides its scores, in the order of the run files."""
    return [
        {
            "suite": CONFIG.suite,
            "experiment": wildcards.experiment,
            **run._asdict(),
            "preset": METHODS.row(run.method).preset,
            "variant": METHODS.row(run.method).variant,
            "stand_in": REGISTRY.dataset(run.dataset).stand_in_for or "",
            "seed": CONFIG.seed,
        }
        for run in runs_of(wildcards)
    ]


def solution_file(wildcards):
    scheme = CONFIG.experiment(wildcards.experiment).scheme
    return f"{ROOT}/splits/{wildcards.dataset}/{scheme}/solution.parquet"


rule score:
    input:
        predictions=run_files("predictions"),
        status=run_files("status"),
        solution=solution_file,
    output:
        scores=f"{ROOT}/scores/{{experiment}}/{{dataset}}.parquet",
        types=f"{ROOT}/scores/{{experiment}}/{{dataset}}.types.parquet",
        comparisons=f"{ROOT}/scores/{{experiment}}/{{dataset}}.comparisons.parquet",
    log:
        f"{ROOT}/logs/score/{{experiment}}/{{dataset}}.log",
    benchmark:
        f"{ROOT}/benchmarks/score/{{experiment}}/{{dataset}}.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        runs=run_facts,
        controls=CONTROLS,
        seed=CONFIG.seed,
        n_replicates=CONFIG.bootstrap,
        code=code("score.py"),
    message:
        "Score {wildcards.experiment} on {wildcards.dataset}"
    script:
        "../../scripts/score.py"
