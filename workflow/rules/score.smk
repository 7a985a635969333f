# Scores of all runs of an experiment on one data set. With the positive control, the only rule that is given the solution.


rule score:
    input:
        predictions=run_files("predictions"),
        status=run_files("status"),
        solution=split_file("solution"),
    output:
        scores=f"{ROOT}/scores/{{experiment}}/{{dataset}}/{{scheme}}.parquet",
        types=f"{ROOT}/scores/{{experiment}}/{{dataset}}/{{scheme}}.types.parquet",
        comparisons=f"{ROOT}/scores/{{experiment}}/{{dataset}}/{{scheme}}.comparisons.parquet",
    log:
        f"{ROOT}/logs/score/{{experiment}}/{{dataset}}/{{scheme}}.log",
    benchmark:
        f"{ROOT}/benchmarks/score/{{experiment}}/{{dataset}}/{{scheme}}.tsv"
    wildcard_constraints:
        experiment=experiments_of("annotation"),
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("score"),
        runtime=runtime("score"),
    params:
        runs=run_facts,
        controls=CONTROLS,
        numbers={"seed": CONFIG.seed, "n_replicates": CONFIG.bootstrap},
        code=code("score.py"),
    message:
        "Score {wildcards.experiment} on {wildcards.dataset}, {wildcards.scheme}"
    script:
        "../../scripts/score.py"
