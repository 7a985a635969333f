# Functions that say what a job reads and which parameters it has.


def code(script, *modules):
    """Digest of the package modules behind a script: a parameter, so that editing one of them re-runs the rule."""
    return code_digest(SCRIPTS / script, *(name for name in modules if name))


def raw_files(wildcards):
    """The manifests of what the data set is loaded from; a local h5ad itself; nothing for embedded and simulated cells."""
    dataset = REGISTRY.dataset(wildcards.dataset)
    if dataset.path:
        return [dataset.path]
    return [f"{ROOT}/raw/{job.manifest}.tsv" for job in PLAN.fetches_of(wildcards.dataset)]


def source_row(wildcards):
    return REGISTRY.source(wildcards.source).model_dump(mode="json", exclude_unset=True)


def members_to_fetch(wildcards):
    """Members that the data set reads of the archives of the source."""
    jobs = {job.source.id: job for job in PLAN.fetches_of(wildcards.dataset)}
    return dict(jobs[wildcards.source].members)


def published_folds(wildcards):
    """The registry row of a data set whose folds under the scheme were published with it; else nothing."""
    row = REGISTRY.dataset(wildcards.dataset)
    if wildcards.scheme != PUBLISHED_SCHEME or not row.options.get("folds"):
        return {}
    return row.model_dump(mode="json", include={"id", "title", "source", "loader", "options", "values"})


def controls_that_see_the_solution():
    return flagged("sees_solution")


def methods_that_do_not():
    return [name for name, row in METHODS.methods.items() if not row.sees_solution]


RESULT_KEYS = (
    "class",
    "parameters",
    "accepts",
    "seed_as",
    "transductive",
    "searcher",
    "sees_solution",
    "extra",
)


def method_row(wildcards):
    """What decides a run's result; a new title or note re-runs nothing."""
    row = METHODS.row(wildcards.method).model_dump(mode="json", by_alias=True)
    return {
        "title": wildcards.method,
        **{name: row[name] for name in RESULT_KEYS},
    }


def search_depth(wildcards):
    """Neighbours to keep; 0 for a method that does not search, so that a new experiment does not run it again."""
    return PLAN.search_depth(Run(**wildcards)) if METHODS.row(wildcards.method).searcher else 0


def run_numbers(wildcards):
    """Numbers that decide what a run yields, as one parameter: Snakemake compares the parameters of a job as a set of
    values, in which the threads may hide the seed."""
    depth, threads = search_depth(wildcards), PLAN.threads(Run(**wildcards))
    return {"seed": CONFIG.seed, "threads": threads, "search_depth": depth}


def earlier_failures(wildcards):
    """How often the run failed so far: it grows only when it fails, which makes a failed run due again."""
    return times_failed(Path(RUN.format(**wildcards)) / "attempts.json")


def times_failed(attempts):
    """In words, since a parameter that is only a number may hide behind another (`run_numbers`)."""
    return f"failed {failed_attempts(attempts)} times"


def method_code(wildcards):
    return code("run_method.py", METHODS.row(wildcards.method).module)


def memory(stage, size=files_mb):
    """Resource function: megabytes of memory that grow with the input and the attempt (schash.resources)."""
    return lambda wildcards, input, attempt: memory_mb(stage, size(input), attempt)


def runtime(stage, size=files_mb):
    """Resource function: minutes, as `memory`."""
    return lambda wildcards, input, attempt: minutes(stage, size(input), attempt)


def all_cores():
    """Cores of this machine; nothing where jobs go to a cluster, whose nodes have cores of their own."""
    return workflow.resource_settings.cores if workflow.local_exec else None


ALONE = "--exclusive"


def run_cores(wildcards):
    """All cores, so that nothing disturbs the clock of a timed run, or only the threads that it uses."""
    run = Run(**wildcards)
    return all_cores() or PLAN.threads(run) if PLAN.is_timed(run) else PLAN.threads(run)


def run_on_its_own(wildcards):
    """Option of sbatch: a timed run has its node to itself. Other executors do not read it."""
    return ALONE if PLAN.is_timed(Run(**wildcards)) else ""


def run_minutes(wildcards, input, attempt):
    """Grows with the cells and the attempt; the last one gets what the limit of a fold leaves to all of them."""
    return run_minutes_of(CONFIG.limits.fold_seconds, n_folds_of(input.rows), files_mb(input), attempt)


def run_memory(wildcards, input, attempt):
    """Grows with the cells and the attempt, up to what the limit of a fold leaves alive, which the last one gets."""
    return run_mb_of(CONFIG.limits.fold_memory_mb, files_mb(input), attempt)


def experiments_of(*kinds):
    """Names of the experiments of these kinds, as a constraint of the wildcard."""
    return "|".join(name for name, kind in KINDS.items() if kind in kinds)


def runs_of(wildcards):
    """Runs of an experiment on one data set under one scheme."""
    here = (wildcards.dataset, wildcards.scheme)
    return [run for run in PLAN.runs(wildcards.experiment) if (run.dataset, run.scheme) == here]


def run_files(kind):
    """Input function: one file of each run of the experiment on the data set."""
    return lambda wildcards: [f"{RUN}/{kind}.parquet".format(**run._asdict()) for run in runs_of(wildcards)]


def run_facts(wildcards):
    """What the metrics say of each run besides its scores, in the order of the run files."""
    return [
        {
            "suite": CONFIG.suite,
            "experiment": wildcards.experiment,
            **run._asdict(),
            "preset": METHODS.row(run.method).preset,
            "variant": METHODS.row(run.method).variant,
            "stand_in": REGISTRY.dataset(run.dataset).stand_in_for or "",
            "seed": CONFIG.seed,
        }
        for run in runs_of(wildcards)
    ]


def split_file(name):
    """Input function: one file of the split that a scheme stands on."""
    return (
        lambda wildcards: f"{ROOT}/splits/{wildcards.dataset}/{base_scheme(wildcards.scheme)}/{name}.parquet"
    )


def scores_of(experiment, suffix=""):
    """One file of each data set and scheme of an experiment."""
    return [
        f"{ROOT}/scores/{experiment}/{dataset}/{scheme}{suffix}.parquet"
        for dataset, scheme in PLAN.scored(experiment)
    ]


def score_files(suffix):
    """Input function: `scores_of` the experiment of the wildcard."""
    return lambda wildcards: scores_of(wildcards.experiment, suffix)


def facts_of(experiment):
    return [f"{ROOT}/facts/{name}.json" for name in CONFIG.experiment(experiment).datasets]


def deephash_runs(experiment):
    if experiment not in CONFIG.experiments:
        return []
    return [run for run in PLAN.runs(experiment) if run.method == f"deephash_{CONFIG.preset}"]


def cells_of_run(wildcards):
    """The prepared cells, or the folder of those aligned fold by fold."""
    aligned = base_scheme(wildcards.scheme) != wildcards.scheme
    path = "aligned/{dataset}/{scheme}" if aligned else "cells/{dataset}.h5ad"
    return f"{ROOT}/{path}".format(**wildcards)


def variant_searches(wildcards):
    """Runs of the variants that keep what they found; none where the experiment has no search depth."""
    depth = CONFIG.experiment(wildcards.experiment).search_depth
    return [run for run in runs_of(wildcards) if depth and METHODS.row(run.method).searcher]


def variant_files(kind):
    """Input function: one file of each of `variant_searches`."""
    return lambda wildcards: [f"{RUN}/{kind}".format(**run._asdict()) for run in variant_searches(wildcards)]


def variant_scores(wildcards):
    """Retrieval of the variants, where any of them but the controls searches."""
    depth = CONFIG.experiment("variants").search_depth
    methods = {run.method for run in PLAN.runs("variants")} - set(CONTROLS)
    searched = depth and any(METHODS.row(method).searcher for method in methods)
    return scores_of("variants", ".search") if searched else []


def confused():
    """(data set, scheme) of fig2a whose confusion is drawn."""
    if "fig2a" not in CONFIG.experiments:
        return []
    named = CONFIG.experiment("fig2a").confusion
    return [pair for pair in PLAN.scored("fig2a") if pair[0] in named]


def splits_of(experiment):
    """Facts of the split of each data set and scheme of an experiment; aligned schemes share theirs."""
    return list(
        dict.fromkeys(
            f"{ROOT}/splits/{dataset}/{base_scheme(scheme)}/split.json"
            for dataset, scheme in PLAN.scored(experiment)
        )
    )


def retrieval_memory(wildcards, input, attempt):
    """Two folds of neighbours of one run at a time, and their relevance."""
    return memory_mb("score_retrieval", files_mb(input) / len(input.neighbors), attempt)


def timing_tables(wildcards):
    """Rows of every method of the experiment on the data set, in the order of `run_facts`."""
    return [
        f"{TIMING}.parquet".format(experiment=wildcards.experiment, **run._asdict())
        for run in runs_of(wildcards)
    ]


def timing_numbers(wildcards):
    """Sizes, what one of them may take, and what else decides what is in the table (`run_numbers`)."""
    experiment = CONFIG.experiment(wildcards.experiment)
    sizes, seconds = list(experiment.sizes), experiment.size_seconds
    return {"seed": CONFIG.seed, "threads": CONFIG.threads, "sizes": sizes, "size_seconds": seconds}


def numbers_of_size(wildcards):
    """`timing_numbers` for a job that takes one size; the largest decides which cells are queries."""
    numbers = timing_numbers(wildcards)
    return {**numbers, "sizes": [int(wildcards.size)], "largest": max(numbers["sizes"])}


def timing_cores(wildcards):
    """All cores, so that nothing disturbs the clock; in a suite whose times are not worth much those that it uses."""
    undisturbed = PLAN.is_undisturbed(wildcards.experiment)
    return all_cores() or CONFIG.threads if undisturbed else CONFIG.threads


def timing_on_its_own(wildcards):
    """Option of sbatch, as `run_on_its_own`."""
    return ALONE if PLAN.is_undisturbed(wildcards.experiment) else ""


def calibration_cores(wildcards):
    """All cores where runs are timed on a machine to themselves, so that the clock is read under the same conditions."""
    return all_cores() or 1 if times_matter() else 1


def calibration_on_its_own(wildcards):
    """Option of sbatch, as `run_on_its_own`."""
    return ALONE if times_matter() else ""


def times_matter():
    """Whether the suite has any runs on a machine to themselves."""
    return any(data is not None for data in CONFIG.exclusive.values())


def earlier_timing_failures(wildcards):
    return times_failed(f"{TIMING}.attempts.json".format(**wildcards))


TIMED_BY = {
    "fig2d": "schash.annotation_timing:time_annotation",
    "fig3b": "schash.search_timing:time_search",
    "cf_fig2": "schash.svd_timing:time_svd",
    "cf_fig3": "schash.angle_estimates:measure_angles",
    "cf_table2": "schash.file_timing:time_files",
    "cf_table3": "schash.scale_timing:time_scale",
    "cf_fig9": "schash.stage_timing:time_stages",
}


def timing_code(wildcards):
    timer = TIMED_BY[wildcards.experiment].partition(":")[0]
    return code("time_method.py", timer, METHODS.row(wildcards.method).module)


def histories_of(experiment):
    """Histories of an experiment's runs, without the controls, which keep none."""
    runs = [run for run in PLAN.runs(experiment) if run.method not in CONTROLS]
    return [f"{RUN}/history.parquet".format(**run._asdict()) for run in runs]
