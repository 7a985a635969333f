# Cells without labels, and the labels beside them.


rule prepare:
    input:
        raw_files,
    output:
        cells=f"{ROOT}/cells/{{dataset}}.h5ad",
        labels=f"{ROOT}/labels/{{dataset}}.parquet",
        facts=f"{ROOT}/facts/{{dataset}}.json",
    log:
        f"{ROOT}/logs/prepare/{{dataset}}.log",
    benchmark:
        f"{ROOT}/benchmarks/prepare/{{dataset}}.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("prepare", raw_mb),
        runtime=runtime("prepare", raw_mb),
    params:
        dataset=lambda wildcards: REGISTRY.dataset(wildcards.dataset).model_dump(
            mode="json", exclude_unset=True, exclude={"type_groups"}  # of scoring
        ),
        code=lambda wildcards: code("prepare.py", loader_module(REGISTRY.dataset(wildcards.dataset).loader)),
    message:
        "Prepare {wildcards.dataset}"
    script:
        "../../scripts/prepare.py"
