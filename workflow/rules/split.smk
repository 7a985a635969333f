# Rows of each fold, made here or published with the data set. Training labels and the solution are files of their
# own: methods get the first, scoring the second.


rule split:
    input:
        lambda wildcards: raw_files(wildcards) if published_folds(wildcards) else [],
        cells=rules.prepare.output.cells,
        labels=rules.prepare.output.labels,
    output:
        rows=f"{ROOT}/splits/{{dataset}}/{{scheme}}/rows.parquet",
        train_labels=f"{ROOT}/splits/{{dataset}}/{{scheme}}/train_labels.parquet",
        solution=f"{ROOT}/splits/{{dataset}}/{{scheme}}/solution.parquet",
        facts=f"{ROOT}/splits/{{dataset}}/{{scheme}}/split.json",
    log:
        f"{ROOT}/logs/split/{{dataset}}/{{scheme}}.log",
    benchmark:
        f"{ROOT}/benchmarks/split/{{dataset}}/{{scheme}}.tsv"
    wildcard_constraints:
        scheme="|".join(SCHEMES),
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("split"),
        runtime=runtime("split"),
    params:
        seed=CONFIG.seed,
        published=published_folds,
        code=code("split.py"),
    message:
        "Split {wildcards.dataset}, {wildcards.scheme}"
    script:
        "../../scripts/split.py"
