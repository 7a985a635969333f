# Query cells before and after hashing on maps of two dimensions. Mapping is given no query labels; scoring puts the types
# on the map, measures how well they keep together, and checks itself with the anchors of the true types.

EMBEDDING = f"{ROOT}/embeddings/{{dataset}}/{{scheme}}/{{method}}.schash"


rule embed:
    input:
        cells=rules.prepare.output.cells,
        rows=split_file("rows"),
        train_labels=split_file("train_labels"),
    output:
        EMBEDDING,
    log:
        f"{ROOT}/logs/embed/{{dataset}}/{{scheme}}/{{method}}.log",
    benchmark:
        f"{ROOT}/benchmarks/embed/{{dataset}}/{{scheme}}/{{method}}.tsv"
    conda:
        "../../envs/schash.yaml"
    threads: lambda wildcards: CONFIG.threads
    resources:
        mem_mb=run_memory,
        runtime=run_minutes,
    params:
        row=method_row,
        numbers={"seed": CONFIG.seed, "threads": CONFIG.threads},
        code=lambda wildcards: code("embed.py", METHODS.row(wildcards.method).module),
    message:
        "Map cells of {wildcards.dataset} before and after {wildcards.method}"
    script:
        "../../scripts/embed.py"


rule score_embedding:
    input:
        embeddings=lambda wildcards: [EMBEDDING.format(**run._asdict()) for run in runs_of(wildcards)],
        solution=split_file("solution"),
    output:
        scores=f"{ROOT}/scores/{{experiment}}/{{dataset}}/{{scheme}}.parquet",
        cells=f"{ROOT}/scores/{{experiment}}/{{dataset}}/{{scheme}}.cells.parquet",
    log:
        f"{ROOT}/logs/score/{{experiment}}/{{dataset}}/{{scheme}}.log",
    benchmark:
        f"{ROOT}/benchmarks/score/{{experiment}}/{{dataset}}/{{scheme}}.tsv"
    wildcard_constraints:
        experiment=experiments_of("embedding"),
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("score"),
        runtime=runtime("score"),
    params:
        runs=run_facts,
        code=code("score_embedding.py"),
    message:
        "Score the maps of {wildcards.dataset}"
    script:
        "../../scripts/score_embedding.py"


rule fig2c:
    input:
        cells=lambda wildcards: scores_of("fig2c", ".cells"),
        facts=lambda wildcards: facts_of("fig2c"),
    output:
        png=f"{ROOT}/figures/fig2c.png",
        svg=report(
            f"{ROOT}/figures/fig2c.svg",
            caption="../report/fig2c.rst",
            category="scDeepHash",
            labels={"target": "fig2c", "shows": "cells before and after hashing"},
        ),
        tsv=report(
            f"{ROOT}/figures/fig2c.tsv",
            caption="../report/fig2c_tsv.rst",
            category="scDeepHash",
            labels={"target": "fig2c", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/fig2c.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/fig2c.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        titles=TITLES,
        code=code("fig2c.py"),
    message:
        "Draw fig2c: cells before and after hashing"
    script:
        "../../scripts/fig2c.py"
