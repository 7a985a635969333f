# Raw files of a source, verified. The files lie in the shared downloads folder, where a killed transfer resumes; the
# declared output is their manifest, written only when every file has passed its checksum.


rule fetch:
    output:
        f"{ROOT}/raw/{{source}}.tsv",
    log:
        f"{ROOT}/logs/fetch/{{source}}.log",
    benchmark:
        f"{ROOT}/benchmarks/fetch/{{source}}.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        downloads=1,
        mem_mb=1000,
        runtime=240,
    params:
        source=lambda wildcards: REGISTRY.source(wildcards.source).model_dump(mode="json", exclude_unset=True),
        code=code("fetch.py"),
    message:
        "Fetch {wildcards.source}"
    script:
        "../../scripts/fetch.py"
