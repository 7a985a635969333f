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
        mem_mb=memory("fetch"),
        runtime=runtime("fetch"),
    params:
        source=source_row,
        members={},
        code=code("fetch.py"),
    message:
        "Fetch {wildcards.source}"
    script:
        "../../scripts/fetch.py"


# Of an archive of gigabytes, the members that one data set reads (config key archives).
use rule fetch as fetch_members with:
    output:
        f"{ROOT}/raw/{{source}}/{{dataset}}.tsv",
    log:
        f"{ROOT}/logs/fetch/{{source}}/{{dataset}}.log",
    benchmark:
        f"{ROOT}/benchmarks/fetch/{{source}}/{{dataset}}.tsv"
    params:
        source=source_row,
        members=members_to_fetch,
        code=code("fetch.py"),
    message:
        "Fetch what {wildcards.dataset} reads of {wildcards.source}"


rule fetch_all:
    input:
        [f"{ROOT}/raw/{job.manifest}.tsv" for job in PLAN.fetches()],
    localrule: True


rule fetch_check:
    log:
        f"{ROOT}/logs/fetch_check.log",
    conda:
        "../../envs/schash.yaml"
    params:
        jobs=[
            {
                "source": job.source.model_dump(mode="json", exclude_unset=True),
                "members": job.members,
            }
            for job in PLAN.fetches()
        ],
    message:
        "Look at the raw files and ask their addresses"
    script:
        "../../scripts/fetch_check.py"
