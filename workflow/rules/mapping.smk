# Mapping experiments of CellFishing (Sato et al. 2019): data sets onto themselves, across batches, species and protocols.


rule score_assignments:
    input:
        predictions=run_files("predictions"),
        solution=split_file("solution"),
    output:
        f"{ROOT}/scores/{{experiment}}/{{dataset}}/{{scheme}}.assignments.parquet",
    log:
        f"{ROOT}/logs/assignments/{{experiment}}/{{dataset}}/{{scheme}}.log",
    benchmark:
        f"{ROOT}/benchmarks/assignments/{{experiment}}/{{dataset}}/{{scheme}}.tsv"
    wildcard_constraints:
        experiment=experiments_of("annotation"),
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("score"),
        runtime=runtime("score"),
    params:
        runs=run_facts,
        code=code("score_assignments.py"),
    message:
        "Count assignments of {wildcards.experiment} on {wildcards.dataset}, {wildcards.scheme}"
    script:
        "../../scripts/score_assignments.py"


rule cf_table1:
    input:
        facts=lambda wildcards: facts_of("cf_table1"),
        expected=EXPECTED,
    output:
        png=f"{ROOT}/figures/cf_table1.png",
        svg=report(
            f"{ROOT}/figures/cf_table1.svg",
            caption="../report/cf_table1.rst",
            category="CellFishing",
            labels={"target": "cf_table1", "shows": "data sets"},
        ),
        tsv=f"{ROOT}/figures/cf_table1.tsv",
    log:
        f"{ROOT}/logs/figures/cf_table1.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/cf_table1.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        code=code("table1.py"),
    message:
        "Draw cf_table1: data sets"
    script:
        "../../scripts/table1.py"


rule cf_fig4:
    input:
        metrics=f"{ROOT}/metrics/cf_fig4.parquet",
        facts=lambda wildcards: facts_of("cf_fig4"),
    output:
        png=f"{ROOT}/figures/cf_fig4.png",
        svg=report(
            f"{ROOT}/figures/cf_fig4.svg",
            caption="../report/cf_fig4.rst",
            category="CellFishing",
            labels={"target": "cf_fig4", "shows": "self-mapping"},
        ),
        tsv=report(
            f"{ROOT}/figures/cf_fig4.tsv",
            caption="../report/cf_fig4_tsv.rst",
            category="CellFishing",
            labels={"target": "cf_fig4", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/cf_fig4.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/cf_fig4.tsv"
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
        code=code("cf_fig4.py"),
    message:
        "Draw cf_fig4: data sets mapped onto themselves"
    script:
        "../../scripts/cf_fig4.py"


rule cf_fig5:
    input:
        types=f"{ROOT}/metrics/cf_fig5.types.tsv",
        metrics=f"{ROOT}/metrics/cf_fig5.parquet",
        facts=lambda wildcards: facts_of("cf_fig5"),
    output:
        png=f"{ROOT}/figures/cf_fig5.png",
        svg=report(
            f"{ROOT}/figures/cf_fig5.svg",
            caption="../report/cf_fig5.rst",
            category="CellFishing",
            labels={"target": "cf_fig5", "shows": "self-mapping by cluster"},
        ),
        tsv=report(
            f"{ROOT}/figures/cf_fig5.tsv",
            caption="../report/cf_fig5_tsv.rst",
            category="CellFishing",
            labels={"target": "cf_fig5", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/cf_fig5.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/cf_fig5.tsv"
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
        code=code("cf_fig5.py"),
    message:
        "Draw cf_fig5: consistency of every cluster"
    script:
        "../../scripts/cf_fig5.py"


rule cf_fig6:
    input:
        counts=lambda wildcards: scores_of("cf_fig6", ".confusion"),
        metrics=f"{ROOT}/metrics/cf_fig6.parquet",
        facts=lambda wildcards: facts_of("cf_fig6"),
    output:
        png=f"{ROOT}/figures/cf_fig6.png",
        svg=report(
            f"{ROOT}/figures/cf_fig6.svg",
            caption="../report/cf_fig6.rst",
            category="CellFishing",
            labels={"target": "cf_fig6", "shows": "confusion of self-mapping"},
        ),
        tsv=report(
            f"{ROOT}/figures/cf_fig6.tsv",
            caption="../report/cf_fig6_tsv.rst",
            category="CellFishing",
            labels={"target": "cf_fig6", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/cf_fig6.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/cf_fig6.tsv"
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
        groups=lambda wildcards: {
            name: REGISTRY.dataset(name).type_groups for name in CONFIG.experiment("cf_fig6").datasets
        },
        code=code("cf_fig6.py"),
    message:
        "Draw cf_fig6: what is taken for what"
    script:
        "../../scripts/cf_fig6.py"


rule cf_fig7:
    input:
        metrics=f"{ROOT}/metrics/cf_fig7.parquet",
        assignments=lambda wildcards: scores_of("cf_fig7", ".assignments"),
        facts=lambda wildcards: facts_of("cf_fig7"),
        splits=lambda wildcards: splits_of("cf_fig7"),
    output:
        png=f"{ROOT}/figures/cf_fig7.png",
        svg=report(
            f"{ROOT}/figures/cf_fig7.svg",
            caption="../report/cf_fig7.rst",
            category="CellFishing",
            labels={"target": "cf_fig7", "shows": "mapping across batches"},
        ),
        tsv=report(
            f"{ROOT}/figures/cf_fig7.tsv",
            caption="../report/cf_fig7_tsv.rst",
            category="CellFishing",
            labels={"target": "cf_fig7", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/cf_fig7.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/cf_fig7.tsv"
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
        code=code("cf_fig7.py"),
    message:
        "Draw cf_fig7: mapping across batches"
    script:
        "../../scripts/cf_fig7.py"


rule cf_species:
    input:
        metrics=f"{ROOT}/metrics/cf_species.parquet",
        assignments=lambda wildcards: scores_of("cf_species", ".assignments"),
        facts=lambda wildcards: facts_of("cf_species"),
        splits=lambda wildcards: splits_of("cf_species"),
    output:
        png=f"{ROOT}/figures/cf_species.png",
        svg=report(
            f"{ROOT}/figures/cf_species.svg",
            caption="../report/cf_species.rst",
            category="CellFishing",
            labels={"target": "cf_species", "shows": "mapping across species"},
        ),
        tsv=report(
            f"{ROOT}/figures/cf_species.tsv",
            caption="../report/cf_species_tsv.rst",
            category="CellFishing",
            labels={"target": "cf_species", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/cf_species.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/cf_species.tsv"
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
        code=code("assignments.py"),
    message:
        "Draw cf_species: mapping across species"
    script:
        "../../scripts/assignments.py"


rule cf_fig8:
    input:
        metrics=f"{ROOT}/metrics/cf_fig8.parquet",
        assignments=lambda wildcards: scores_of("cf_fig8", ".assignments"),
        facts=lambda wildcards: facts_of("cf_fig8"),
        splits=lambda wildcards: splits_of("cf_fig8"),
    output:
        png=f"{ROOT}/figures/cf_fig8.png",
        svg=report(
            f"{ROOT}/figures/cf_fig8.svg",
            caption="../report/cf_fig8.rst",
            category="CellFishing",
            labels={"target": "cf_fig8", "shows": "mapping across protocols"},
        ),
        tsv=report(
            f"{ROOT}/figures/cf_fig8.tsv",
            caption="../report/cf_fig8_tsv.rst",
            category="CellFishing",
            labels={"target": "cf_fig8", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/cf_fig8.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/cf_fig8.tsv"
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
        code=code("assignments.py"),
    message:
        "Draw cf_fig8: mapping across protocols"
    script:
        "../../scripts/assignments.py"
