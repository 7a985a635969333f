# Scores of an experiment over all its data sets, their means over folds, and every method against the best.


rule experiment_metrics:
    input:
        scores=score_files(""),
        types=score_files(".types"),
        comparisons=score_files(".comparisons"),
    output:
        metrics=f"{ROOT}/metrics/{{experiment}}.parquet",
        summary=f"{ROOT}/metrics/{{experiment}}.summary.tsv",
        types=f"{ROOT}/metrics/{{experiment}}.types.tsv",
        comparisons=f"{ROOT}/metrics/{{experiment}}.comparisons.tsv",
    log:
        f"{ROOT}/logs/metrics/{{experiment}}.log",
    benchmark:
        f"{ROOT}/benchmarks/metrics/{{experiment}}.tsv"
    wildcard_constraints:
        experiment=experiments_of("annotation"),
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        code=code("experiment_metrics.py"),
    message:
        "Collect the metrics of {wildcards.experiment}"
    script:
        "../../scripts/experiment_metrics.py"


rule other_metrics:
    input:
        scores=score_files(""),
    output:
        metrics=f"{ROOT}/metrics/{{experiment}}.parquet",
        summary=f"{ROOT}/metrics/{{experiment}}.summary.tsv",
    log:
        f"{ROOT}/logs/metrics/{{experiment}}.log",
    benchmark:
        f"{ROOT}/benchmarks/metrics/{{experiment}}.tsv"
    wildcard_constraints:
        experiment=experiments_of("retrieval", "embedding", "timing"),
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        code=code("other_metrics.py"),
    message:
        "Collect the metrics of {wildcards.experiment}"
    script:
        "../../scripts/other_metrics.py"


rule metrics:
    input:
        tables=[f"{ROOT}/metrics/{name}.parquet" for name in PLAN.benchmarks()]
        + [f"{ROOT}/calibration.parquet"],
    output:
        parquet=f"{ROOT}/metrics.parquet",
        tsv=f"{ROOT}/metrics.tsv",
    log:
        f"{ROOT}/logs/metrics.log",
    benchmark:
        f"{ROOT}/benchmarks/metrics.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        code=code("metrics.py"),
    message:
        "Write metrics.parquet and metrics.tsv"
    script:
        "../../scripts/metrics.py"
