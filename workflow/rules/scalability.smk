# Timings of any experiment: a job takes one method and, unless `exclusive` says null, all cores, so that nothing else
# disturbs its clock; its rows say which sizes were too slow. Annotation of more and more cells (fig2d), search in a larger and larger database (fig3b).
TIMING = f"{ROOT}/timing/{{experiment}}/{{dataset}}/{{scheme}}/{{method}}"


rule time_method:
    input:
        cells=rules.prepare.output.cells,
        rows=rules.split.output.rows,
        train_labels=rules.split.output.train_labels,
    output:
        f"{TIMING}.parquet",
    log:
        f"{ROOT}/logs/timing/{{experiment}}/{{dataset}}/{{scheme}}/{{method}}.log",
    benchmark:
        f"{ROOT}/benchmarks/timing/{{experiment}}/{{dataset}}/{{scheme}}/{{method}}.tsv"
    wildcard_constraints:
        experiment="|".join(name for name in TIMED_BY if name != "cf_table3"),
    conda:
        "../../envs/schash.yaml"
    threads: timing_cores
    resources:
        mem_mb=limited_mb(CONFIG.limits.fold_memory_mb),
        runtime=minutes_within(CONFIG.limits.fold_seconds),
        slurm_extra=timing_on_its_own,
    params:
        row=method_row,
        timer=lambda wildcards: TIMED_BY[wildcards.experiment],
        numbers=timing_numbers,
        failed_attempts=earlier_timing_failures,
        code=timing_code,
    message:
        "Time {wildcards.method} on {wildcards.dataset}: {wildcards.experiment}"
    script:
        "../../scripts/time_method.py"


rule gather_timings:
    input:
        timing_tables,
    output:
        f"{ROOT}/scores/{{experiment}}/{{dataset}}/{{scheme}}.parquet",
    log:
        f"{ROOT}/logs/gather_timings/{{experiment}}/{{dataset}}/{{scheme}}.log",
    benchmark:
        f"{ROOT}/benchmarks/gather_timings/{{experiment}}/{{dataset}}/{{scheme}}.tsv"
    wildcard_constraints:
        experiment=experiments_of("timing"),
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        runs=run_facts,
        code=code("gather_timings.py"),
    message:
        "Gather the timings of {wildcards.experiment} on {wildcards.dataset}"
    script:
        "../../scripts/gather_timings.py"


rule fig2d:
    input:
        metrics=f"{ROOT}/metrics/fig2d.parquet",
        facts=lambda wildcards: facts_of("fig2d"),
        expected=EXPECTED,
    output:
        png=f"{ROOT}/figures/fig2d.png",
        svg=report(
            f"{ROOT}/figures/fig2d.svg",
            caption="../report/fig2d.rst",
            category="scDeepHash",
            labels={"target": "fig2d", "shows": "time to annotate n cells"},
        ),
        tsv=report(
            f"{ROOT}/figures/fig2d.tsv",
            caption="../report/fig2d_tsv.rst",
            category="scDeepHash",
            labels={"target": "fig2d", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/fig2d.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/fig2d.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        titles=TITLES,
        transductive=flagged("transductive"),
        code=code("fig2d.py"),
    message:
        "Draw fig2d: time to annotate n cells"
    script:
        "../../scripts/fig2d.py"


rule fig3b:
    input:
        metrics=f"{ROOT}/metrics/fig3b.parquet",
        facts=lambda wildcards: facts_of("fig3b"),
    output:
        png=f"{ROOT}/figures/fig3b.png",
        svg=report(
            f"{ROOT}/figures/fig3b.svg",
            caption="../report/fig3b.rst",
            category="scDeepHash",
            labels={"target": "fig3b", "shows": "time of a query by database size"},
        ),
        tsv=report(
            f"{ROOT}/figures/fig3b.tsv",
            caption="../report/fig3b_tsv.rst",
            category="scDeepHash",
            labels={"target": "fig3b", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/fig3b.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/fig3b.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        titles=TITLES,
        code=code("fig3b.py"),
    message:
        "Draw fig3b: time of a query by database size"
    script:
        "../../scripts/fig3b.py"
