# Scores of all runs of an experiment on one data set. With the positive control, the only rule that is given the solution.


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
