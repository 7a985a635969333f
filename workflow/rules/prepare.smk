# Cells without labels, and the labels beside them.


def raw_files(wildcards):
    """The manifest of the data set's source; a local h5ad itself; nothing for embedded and simulated cells."""
    dataset = REGISTRY.dataset(wildcards.dataset)
    if dataset.path:
        return [dataset.path]
    source = REGISTRY.source_of(wildcards.dataset)
    return [f"{ROOT}/raw/{source.id}.tsv"] if source else []


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
        mem_mb=4000,
        runtime=60,
    params:
        dataset=lambda wildcards: REGISTRY.dataset(wildcards.dataset).model_dump(
            mode="json", exclude_unset=True
        ),
        code=lambda wildcards: code("prepare.py", loader_module(REGISTRY.dataset(wildcards.dataset).loader)),
    message:
        "Prepare {wildcards.dataset}"
    script:
        "../../scripts/prepare.py"
