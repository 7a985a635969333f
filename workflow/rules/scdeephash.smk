# Figures and tables of scDeepHash (Ma et al. 2022), each a target by its name.


rule table1:
    input:
        facts=[f"{ROOT}/facts/{name}.json" for name in CONFIG.experiment("table1").datasets],
        expected=HOME / "config/expected.tsv",
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
    params:
        code=code("table1.py"),
    resources:
        mem_mb=2000,
        runtime=20,
    message:
        "Draw table1: data sets"
    conda:
        "../../envs/schash.yaml"
    script:
        "../../scripts/table1.py"


rule fig2a:
    input:
        metrics=f"{ROOT}/metrics/fig2a.parquet",
        comparisons=f"{ROOT}/metrics/fig2a.comparisons.tsv",
        facts=[f"{ROOT}/facts/{name}.json" for name in CONFIG.experiment("fig2a").datasets],
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
    params:
        titles={name: row.title for name, row in METHODS.methods.items()},
        code=code("fig2a.py"),
    resources:
        mem_mb=2000,
        runtime=20,
    message:
        "Draw fig2a: annotation within a data set"
    conda:
        "../../envs/schash.yaml"
    script:
        "../../scripts/fig2a.py"


rule variants:
    input:
        metrics=f"{ROOT}/metrics/variants.parquet",
        comparisons=f"{ROOT}/metrics/variants.comparisons.tsv",
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
    params:
        titles={name: row.title for name, row in METHODS.methods.items()},
        code=code("variants.py"),
    resources:
        mem_mb=2000,
        runtime=20,
    message:
        "Draw variants: as written against as coded"
    conda:
        "../../envs/schash.yaml"
    script:
        "../../scripts/variants.py"


rule training:
    input:
        histories=[
            f"{ROOT}/runs/{run.dataset}/{run.scheme}/{run.method}/history.parquet"
            for run in PLAN.runs("fig2a")
            if METHODS.row(run.method).preset
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
    params:
        runs=[run._asdict() for run in PLAN.runs("fig2a") if METHODS.row(run.method).preset],
        code=code("training.py"),
    resources:
        mem_mb=2000,
        runtime=20,
    message:
        "Draw training: losses of DeepHash"
    conda:
        "../../envs/schash.yaml"
    script:
        "../../scripts/training.py"
