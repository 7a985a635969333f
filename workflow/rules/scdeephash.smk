# Figures and tables of scDeepHash (Ma et al. 2022), each a target by its name.


rule table1:
    input:
        facts=lambda wildcards: facts_of("table1"),
        expected=EXPECTED,
    output:
        png=f"{ROOT}/figures/table1.png",
        svg=report(
            f"{ROOT}/figures/table1.svg",
            caption="../report/table1.rst",
            category="scDeepHash",
            labels={"target": "table1", "shows": "data sets"},
        ),
        tsv=f"{ROOT}/figures/table1.tsv",
    log:
        f"{ROOT}/logs/figures/table1.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/table1.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        code=code("table1.py"),
    message:
        "Draw table1: data sets"
    script:
        "../../scripts/table1.py"


rule fig2a:
    input:
        metrics=f"{ROOT}/metrics/fig2a.parquet",
        comparisons=f"{ROOT}/metrics/fig2a.comparisons.tsv",
        facts=lambda wildcards: facts_of("fig2a"),
        expected=EXPECTED,
    output:
        png=f"{ROOT}/figures/fig2a.png",
        svg=report(
            f"{ROOT}/figures/fig2a.svg",
            caption="../report/fig2a.rst",
            category="scDeepHash",
            labels={"target": "fig2a", "shows": "median F1 over 5 folds"},
        ),
        tsv=report(
            f"{ROOT}/figures/fig2a.tsv",
            caption="../report/fig2a_tsv.rst",
            category="scDeepHash",
            labels={"target": "fig2a", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/fig2a.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/fig2a.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        titles=TITLES,
        controls=CONTROLS,
        transductive=flagged("transductive"),
        rejects=flagged("rejects"),
        code=code("fig2a.py"),
    message:
        "Draw fig2a: annotation within a data set"
    script:
        "../../scripts/fig2a.py"


rule costs:
    input:
        metrics=f"{ROOT}/metrics/fig2a.parquet",
    output:
        png=f"{ROOT}/figures/costs.png",
        svg=report(
            f"{ROOT}/figures/costs.svg",
            caption="../report/costs.rst",
            category="scDeepHash",
            labels={"target": "costs", "shows": "seconds and memory of every method"},
        ),
        tsv=f"{ROOT}/figures/costs.tsv",
    log:
        f"{ROOT}/logs/figures/costs.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/costs.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        titles=TITLES,
        controls=CONTROLS,
        transductive=flagged("transductive"),
        rejects=flagged("rejects"),
        datasets=PLAN.timed_datasets("fig2a"),
        code=code("costs.py"),
    message:
        "Draw costs: seconds and memory of every method"
    script:
        "../../scripts/costs.py"


rule score_variant_searches:
    input:
        neighbors=variant_files("neighbors"),
        status=variant_files("status.parquet"),
        rows=split_file("rows"),
        train_labels=split_file("train_labels"),
        solution=split_file("solution"),
    output:
        scores=f"{ROOT}/scores/{{experiment}}/{{dataset}}/{{scheme}}.search.parquet",
        curves=f"{ROOT}/scores/{{experiment}}/{{dataset}}/{{scheme}}.search_curves.parquet",
    log:
        f"{ROOT}/logs/score_variant_searches/{{experiment}}/{{dataset}}/{{scheme}}.log",
    benchmark:
        f"{ROOT}/benchmarks/score_variant_searches/{{experiment}}/{{dataset}}/{{scheme}}.tsv"
    wildcard_constraints:
        experiment="variants",
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("score_searches"),
        runtime=runtime("score_searches"),
    params:
        runs=lambda wildcards: [
            facts for facts in run_facts(wildcards) if METHODS.row(facts["method"]).searcher
        ],
        exact="",  # recall of exact neighbours is table2's
        ks=(),
        code=code("score_retrieval.py"),
    message:
        "Score retrieval of {wildcards.experiment} on {wildcards.dataset}"
    script:
        "../../scripts/score_retrieval.py"


rule variants:
    input:
        metrics=f"{ROOT}/metrics/variants.parquet",
        searches=variant_scores,
        facts=lambda wildcards: facts_of("variants"),
    output:
        png=f"{ROOT}/figures/variants.png",
        svg=report(
            f"{ROOT}/figures/variants.svg",
            caption="../report/variants.rst",
            category="scDeepHash",
            labels={"target": "variants", "shows": "paper against code"},
        ),
        tsv=report(
            f"{ROOT}/figures/variants.tsv",
            caption="../report/variants_tsv.rst",
            category="scDeepHash",
            labels={"target": "variants", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/variants.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/variants.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        titles=TITLES,
        controls=CONTROLS,
        positive_controls=controls_that_see_the_solution(),
        code=code("variants.py"),
    message:
        "Draw variants: as written against as coded"
    script:
        "../../scripts/variants.py"


rule training:
    input:
        histories=lambda wildcards: [
            f"{ROOT}/runs/{run.dataset}/{run.scheme}/{run.method}/history.parquet"
            for run in deephash_runs("fig2a")
        ],
    output:
        png=f"{ROOT}/figures/training.png",
        svg=report(
            f"{ROOT}/figures/training.svg",
            caption="../report/training.rst",
            category="scDeepHash",
            labels={"target": "training", "shows": "loss by step"},
        ),
        tsv=f"{ROOT}/figures/training.tsv",
    log:
        f"{ROOT}/logs/figures/training.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/training.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        runs=lambda wildcards: [run._asdict() for run in deephash_runs("fig2a")],
        code=code("training.py"),
    message:
        "Draw training: losses of DeepHash"
    script:
        "../../scripts/training.py"
