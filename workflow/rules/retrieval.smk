# Retrieval: what searchers found, scored against the solution, and the figures of scDeepHash that show it.
# An experiment of retrieval has a `search_depth`, and `ks` where k is not a multiple of the mean cells a type. table2
# and fig3a score different measures (schash.retrieval_ids.MEASURES) of the same runs.

from schash.retrieval_plan import check_retrieval

try:
    check_retrieval(PLAN)
except SchashError as error:
    raise WorkflowError(str(error)) from None


rule score_retrieval:
    input:
        neighbors=lambda wildcards: [f"{RUN}/neighbors".format(**run._asdict()) for run in runs_of(wildcards)],
        status=run_files("status"),
        rows=split_file("rows"),
        train_labels=split_file("train_labels"),
        solution=split_file("solution"),
    output:
        scores=f"{ROOT}/scores/{{experiment}}/{{dataset}}/{{scheme}}.parquet",
        curves=f"{ROOT}/scores/{{experiment}}/{{dataset}}/{{scheme}}.curves.parquet",
    log:
        f"{ROOT}/logs/score/{{experiment}}/{{dataset}}/{{scheme}}.log",
    benchmark:
        f"{ROOT}/benchmarks/score/{{experiment}}/{{dataset}}/{{scheme}}.tsv"
    wildcard_constraints:
        experiment=experiments_of("retrieval"),
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=retrieval_memory,
        runtime=runtime("score_retrieval"),
    params:
        runs=run_facts,
        exact="exact_cosine",
        ks=lambda wildcards: CONFIG.experiment(wildcards.experiment).ks.get(wildcards.dataset, ()),
        code=code("score_retrieval.py"),
    message:
        "Score {wildcards.experiment} on {wildcards.dataset}, {wildcards.scheme}"
    script:
        "../../scripts/score_retrieval.py"


rule table2:
    input:
        scores=lambda wildcards: scores_of("table2"),
        facts=lambda wildcards: facts_of("table2"),
        expected=EXPECTED,
    output:
        png=f"{ROOT}/figures/table2.png",
        svg=report(
            f"{ROOT}/figures/table2.svg",
            caption="../report/table2.rst",
            category="scDeepHash",
            labels={"target": "table2", "shows": "mAP at k of every search"},
        ),
        tsv=report(
            f"{ROOT}/figures/table2.tsv",
            caption="../report/table2_tsv.rst",
            category="scDeepHash",
            labels={"target": "table2", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/table2.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/table2.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        titles=TITLES,
        controls=CONTROLS,
        transductive=flagged("transductive"),
        code=code("table2.py"),
    message:
        "Draw table2: mean average precision of every search"
    script:
        "../../scripts/table2.py"


rule fig3a:
    input:
        scores=lambda wildcards: scores_of("fig3a"),
        curves=lambda wildcards: scores_of("fig3a", ".curves"),
        facts=lambda wildcards: facts_of("fig3a"),
    output:
        png=f"{ROOT}/figures/fig3a.png",
        svg=report(
            f"{ROOT}/figures/fig3a.svg",
            caption="../report/fig3a.rst",
            category="scDeepHash",
            labels={"target": "fig3a", "shows": "precision at N of every search"},
        ),
        tsv=report(
            f"{ROOT}/figures/fig3a.tsv",
            caption="../report/fig3a_tsv.rst",
            category="scDeepHash",
            labels={"target": "fig3a", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/fig3a.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/fig3a.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        titles=TITLES,
        controls=CONTROLS,
        transductive=flagged("transductive"),
        code=code("fig3a.py"),
    message:
        "Draw fig3a: precision at N of every search"
    script:
        "../../scripts/fig3a.py"
