# What tells this run from earlier ones: a calibration that times are compared in units of, and headline metrics over
# commits. The comparison itself is `schash regress` (docs/regression.md): it must not keep a run from ending.
HISTORY = HOME / "results/history" / CONFIG.suite


rule calibrate:
    output:
        f"{ROOT}/calibration.parquet",
    log:
        f"{ROOT}/logs/calibrate.log",
    benchmark:
        f"{ROOT}/benchmarks/calibrate.tsv"
    priority: 100  # before the times that it is the unit of
    conda:
        "../../envs/schash.yaml"
    threads: calibration_cores
    resources:
        mem_mb=memory("check"),
        runtime=runtime("check"),
        slurm_extra=calibration_on_its_own,
    params:
        suite=CONFIG.suite,
        seed=CONFIG.seed,
        code=code("calibrate.py"),
    message:
        "Calibrate: seconds of a fixed piece of work"
    script:
        "../../scripts/calibrate.py"


rule trends:
    input:
        metrics=f"{ROOT}/metrics.parquet",
        paper_vs_ours=f"{ROOT}/paper_vs_ours.tsv",
        history=sorted(HISTORY.glob("*.tsv")),
    output:
        png=f"{ROOT}/figures/trends.png",
        svg=report(
            f"{ROOT}/figures/trends.svg",
            caption="../report/trends.rst",
            category="Trends",
            labels={"target": "trends", "shows": "headline metrics over commits"},
        ),
        tsv=report(
            f"{ROOT}/figures/trends.tsv",
            caption="../report/trends_tsv.rst",
            category="Trends",
            labels={"target": "trends", "shows": "the numbers behind it"},
        ),
    log:
        f"{ROOT}/logs/figures/trends.log",
    benchmark:
        f"{ROOT}/benchmarks/figures/trends.tsv"
    conda:
        "../../envs/schash.yaml"
    resources:
        mem_mb=memory("table"),
        runtime=runtime("table"),
    params:
        titles=TITLES,
        code=code("trends.py"),
    message:
        "Draw trends: headline metrics over commits"
    script:
        "../../scripts/trends.py"
