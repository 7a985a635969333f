# Cells of each fold of a leave-one-out split, aligned by mutual nearest neighbours: sees the query cells, no label.


rule align:
    input:
        cells=rules.prepare.output.cells,
        rows=split_file("rows"),
    output:
        cells=directory(f"{ROOT}/aligned/{{dataset}}/{{scheme}}"),
        facts=f"{ROOT}/aligned/{{dataset}}/{{scheme}}.tsv",
    log:
        f"{ROOT}/logs/align/{{dataset}}/{{scheme}}.log",
    benchmark:
        f"{ROOT}/benchmarks/align/{{dataset}}/{{scheme}}.tsv"
    wildcard_constraints:
        scheme="|".join(name for name in get_args(Scheme) if base_scheme(name) != name),
    conda:
        "../../envs/schash.yaml"
    threads: CONFIG.threads
    resources:
        mem_mb=memory("align"),
        runtime=runtime("align"),
    params:
        code=code("align.py"),
    message:
        "Align {wildcards.dataset}, {wildcards.scheme}"
    script:
        "../../scripts/align.py"
