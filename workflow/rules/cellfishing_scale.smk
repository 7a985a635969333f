# CellFishing at scale: a million cells (cf_table3), where the time of a query goes (cf_fig9), files (cf_table2).


# A job for each size, which may run side by side on several machines.
use rule time_method as time_scale with:
    input:
        cells=rules.prepare.output.cells,
        rows=rules.split.output.rows,
        train_labels=rules.split.output.train_labels,
        solution=rules.split.output.solution,  # for the score of the answers alone
    output:
        f"{TIMING}/{{size}}.parquet",
    log:
        f"{ROOT}/logs/timing/{{experiment}}/{{dataset}}/{{scheme}}/{{method}}/{{size}}.log",
    benchmark:
        f"{ROOT}/benchmarks/timing/{{experiment}}/{{dataset}}/{{scheme}}/{{method}}/{{size}}.tsv"
    wildcard_constraints:
        experiment="cf_table3",
        size=r"\d+",
    params:
        row=method_row,
        timer=lambda wildcards: TIMED_BY[wildcards.experiment],
        numbers=numbers_of_size,
        failed_attempts=lambda wildcards: times_failed(f"{TIMING}/{{size}}.attempts.json".format(**wildcards)),
        code=timing_code,
    message:
        "Time {wildcards.method} on {wildcards.dataset}: {wildcards.experiment}, {wildcards.size} cells"


rule join_sizes:
    input:
        lambda wildcards: expand(
            f"{TIMING}/{{size}}.parquet",
            experiment="cf_table3",
            size=CONFIG.experiment("cf_table3").sizes,
            **wildcards,
        ),
    output:
        f"{ROOT}/timing/cf_table3/{{dataset}}/{{scheme}}/{{method}}.parquet",
    log:
        f"{ROOT}/logs/join_sizes/{{dataset}}/{{scheme}}/{{method}}.log",
    benchmark:
        f"{ROOT}/benchmarks/join_sizes/{{dataset}}/{{scheme}}/{{method}}.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        code=code("join_sizes.py"),
    message:
        "Put the sizes of {wildcards.method} on {wildcards.dataset} together"
    script:
        "../../scripts/join_sizes.py"


rule cf_table3:
    input:
        metrics=f"{ROOT}/metrics/cf_table3.parquet",
        facts=lambda wildcards: facts_of("cf_table3"),
        expected=EXPECTED,
    output:
        png=f"{ROOT}/figures/cf_table3.png",
        svg=report(
            f"{ROOT}/figures/cf_table3.svg",
            caption="../report/cf_table3.rst",
            category="CellFishing",
            labels={"target": "cf_table3", "shows": "growth to a million cells"},
        ),
        tsv=report(
            f"{ROOT}/figures/cf_table3.tsv",
            caption="../report/cf_table3_tsv.rst",
            category="CellFishing",
            labels={"target": "cf_table3", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/cf_table3.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/cf_table3.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        code=code("cf_table3.py"),
    message:
        "Draw cf_table3: growth to a million cells"
    script:
        "../../scripts/cf_table3.py"


rule cf_fig9:
    input:
        metrics=f"{ROOT}/metrics/cf_fig9.parquet",
        facts=lambda wildcards: facts_of("cf_fig9"),
    output:
        png=f"{ROOT}/figures/cf_fig9.png",
        svg=report(
            f"{ROOT}/figures/cf_fig9.svg",
            caption="../report/cf_fig9.rst",
            category="CellFishing",
            labels={"target": "cf_fig9", "shows": "where the time of a query goes"},
        ),
        tsv=report(
            f"{ROOT}/figures/cf_fig9.tsv",
            caption="../report/cf_fig9_tsv.rst",
            category="CellFishing",
            labels={"target": "cf_fig9", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/cf_fig9.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/cf_fig9.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        code=code("cf_fig9.py"),
    message:
        "Draw cf_fig9: where the time of a query goes"
    script:
        "../../scripts/cf_fig9.py"


rule cf_table2:
    input:
        metrics=f"{ROOT}/metrics/cf_table2.parquet",
        facts=lambda wildcards: facts_of("cf_table2"),
    output:
        png=f"{ROOT}/figures/cf_table2.png",
        svg=report(
            f"{ROOT}/figures/cf_table2.svg",
            caption="../report/cf_table2.rst",
            category="CellFishing",
            labels={"target": "cf_table2", "shows": "saving and loading a database"},
        ),
        tsv=report(
            f"{ROOT}/figures/cf_table2.tsv",
            caption="../report/cf_table2_tsv.rst",
            category="CellFishing",
            labels={"target": "cf_table2", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/cf_table2.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/cf_table2.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        code=code("cf_table2.py"),
    message:
        "Draw cf_table2: saving and loading a database"
    script:
        "../../scripts/cf_table2.py"
