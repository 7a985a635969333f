# Jobs that go wrong in every way a cluster knows, beside one that does not. Each keeps a line for every attempt.
import os

MARKS = "marks"


def mark(rule):
    """A shell command that notes the attempt, its Slurm job and what it was given."""
    return (
        f"mkdir -p {MARKS}; echo {{resources.attempt}} $SLURM_JOB_ID {{resources.mem_mb}} {{resources.runtime}} "
        f">> {MARKS}/{rule}; "
    )


def by_attempt(*values):
    return lambda wildcards, attempt: values[min(attempt, len(values)) - 1]


rule all:
    input:
        "out/healthy",
        "out/fails_once",
        "out/memory",
        "out/slow",
        "out/cancelled",
        "out/after_hopeless",


rule healthy:
    output:
        "out/healthy",
    resources:
        attempt=by_attempt(1, 2, 3),
        mem_mb=600,
        runtime=5,
    shell:
        mark("healthy") + "touch {output}"


# Fails by itself, the first time.
rule fails_once:
    output:
        "out/fails_once",
    resources:
        attempt=by_attempt(1, 2, 3),
        mem_mb=600,
        runtime=5,
    shell:
        mark("fails_once") + "echo a message of the job itself; [ {resources.attempt} -gt 1 ]; touch {output}"


# Holds 900 MB, which is more than the first attempt is given.
rule memory:
    output:
        "out/memory",
    resources:
        attempt=by_attempt(1, 2, 3),
        mem_mb=by_attempt(700, 1400, 2800),
        runtime=5,
    shell:
        mark("memory") + "python -c 'import time; held = bytearray(900_000_000); time.sleep(12)'; touch {output}"


# Sleeps for longer than the first attempt may run.
rule slow:
    output:
        "out/slow",
    resources:
        attempt=by_attempt(1, 2, 3),
        mem_mb=600,
        runtime=by_attempt(1, 5, 5),
    shell:
        mark("slow") + "if [ {resources.attempt} -eq 1 ]; then sleep 300; fi; touch {output}"


# Somebody cancels the first attempt: the test itself, which waits for the mark.
rule cancelled:
    output:
        "out/cancelled",
    resources:
        attempt=by_attempt(1, 2, 3),
        mem_mb=600,
        runtime=5,
    shell:
        mark("cancelled") + "if [ {resources.attempt} -eq 1 ]; then sleep 300; fi; touch {output}"


# Fails for as long as the file `mended` is not there, so never in one run.
rule hopeless:
    output:
        "out/hopeless",
    log:
        "logs/hopeless.log",
    resources:
        attempt=by_attempt(1, 2, 3),
        mem_mb=600,
        runtime=5,
    shell:
        mark("hopeless") + "echo not mended yet > {log}; [ -e mended ]; touch {output}"


rule after_hopeless:
    input:
        "out/hopeless",
    output:
        "out/after_hopeless",
    resources:
        attempt=by_attempt(1, 2, 3),
        mem_mb=600,
        runtime=5,
    shell:
        mark("after_hopeless") + "touch {output}"


# The rules of the profile's GPU partition, under their own name.
rule run_method:
    output:
        "out/run/{method}",
    resources:
        attempt=by_attempt(1, 2, 3),
        mem_mb=600,
        runtime=5,
    shell:
        mark("{wildcards.method}") + "scontrol show job -o $SLURM_JOB_ID > {output}"


# Asks for a node to itself, as timed runs of the workflow do.
rule alone:
    output:
        "out/alone",
    resources:
        attempt=by_attempt(1, 2, 3),
        mem_mb=600,
        runtime=5,
        slurm_extra="--exclusive",
    shell:
        mark("alone") + "scontrol show job -o $SLURM_JOB_ID > {output}"
