# Raw files of a source, verified. The files lie in the shared downloads folder, where a killed transfer resumes; the
# declared output is their manifest, written only when every file has passed its checksum.


rule fetch:
    output:
        f"{ROOT}/raw/{{source}}.tsv",
    log:
        f"{ROOT}/logs/fetch/{{source}}.log",
    benchmark:
        f"{ROOT}/benchmarks/fetch/{{source}}.tsv"
    params:
        source=lambda wildcards: REGISTRY.source(wildcards.source).model_dump(mode="json"),
        code=code("fetch.py"),
    resources:
        downloads=1,
        mem_mb=1000,
        runtime=240,
    message:
        "Fetch {wildcards.source}"
    conda:
        "../../envs/schash.yaml"
    script:
        "../../scripts/fetch.py"
