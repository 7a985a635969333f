# Every method on every split: training cells and unlabelled queries in, predictions and timings out.
# A run of an experiment whose times are shown (`exclusive` of the config) takes all cores, so that nothing else disturbs
# its clock, and may use `threads`; others run side by side on `shared_threads` each.


rule run_method:
    input:
        cells=cells_of_run,
        rows=split_file("rows"),
        train_labels=split_file("train_labels"),
    output:
        predictions=f"{RUN}/predictions.parquet",
        status=f"{RUN}/status.parquet",
        history=f"{RUN}/history.parquet",
        neighbors=directory(f"{RUN}/neighbors"),
    log:
        f"{ROOT}/logs/run/{{dataset}}/{{scheme}}/{{method}}.log",
    benchmark:
        f"{ROOT}/benchmarks/run/{{dataset}}/{{scheme}}/{{method}}.tsv"
    wildcard_constraints:
        method="|".join(methods_that_do_not()),
    conda:
        "../../envs/schash.yaml"
    threads: run_cores
    resources:
        mem_mb=run_memory,
        runtime=run_minutes,
        slurm_extra=run_on_its_own,
    params:
        row=method_row,
        numbers=run_numbers,
        failed_attempts=earlier_failures,
        code=method_code,
    message:
        "Run {wildcards.method} on {wildcards.dataset}, {wildcards.scheme}"
    script:
        "../../scripts/run_method.py"


use rule run_method as run_control with:
    input:
        cells=cells_of_run,
        rows=split_file("rows"),
        train_labels=split_file("train_labels"),
        solution=split_file("solution"),
    wildcard_constraints:
        method="|".join(controls_that_see_the_solution()),
