# Scores of one run. With the positive control, the only rule that is given the solution.


rule score:
    input:
        predictions=f"{RUN}/predictions.parquet",
        status=f"{RUN}/status.parquet",
        solution=rules.split.output.solution,
    output:
        scores=f"{ROOT}/scores/{{dataset}}/{{scheme}}/{{method}}.parquet",
        types=f"{ROOT}/scores/{{dataset}}/{{scheme}}/{{method}}.types.parquet",
    log:
        f"{ROOT}/logs/score/{{dataset}}/{{scheme}}/{{method}}.log",
    benchmark:
        f"{ROOT}/benchmarks/score/{{dataset}}/{{scheme}}/{{method}}.tsv"
    params:
        code=code("score.py"),
    resources:
        mem_mb=2000,
        runtime=20,
    message:
        "Score {wildcards.method} on {wildcards.dataset}, {wildcards.scheme}"
    conda:
        "../../envs/schash.yaml"
    script:
        "../../scripts/score.py"
