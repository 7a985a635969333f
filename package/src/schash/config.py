"""The resolved configuration: defaults, then a suite, then the user's own keys, checked as a whole.

Order of precedence, lowest first: config/config.yaml, the suite's file, a `--configfile` of the user, `--config` keys.
Snakemake hands over the last two merged; `resolve` puts them on top. `suite`, `downloads` and `mirror` may also come
from the environment, as SCHASH_SUITE, SCHASH_DOWNLOADS and SCHASH_MIRROR, where the user's keys do not have them.
"""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from schash.errors import ConfigError
from schash.schema import Strict, load_yaml, one_of, validate

Scheme = Literal[
    "cv5",
    "random5",
    "cells5",
    "loso",
    "batch",
    "protocol",
    "species",
    "loso_mnn",
    "batch_mnn",
    "protocol_mnn",
]

ExperimentName = Literal[
    "table1",
    "fig2a",
    "fig2b",
    "fig2c",
    "fig2d",
    "table2",
    "fig3a",
    "fig3b",
    "fig4",
    "variants",
    "cf_table1",
    "cf_fig2",
    "cf_fig3",
    "cf_fig4",
    "cf_fig5",
    "cf_fig6",
    "cf_fig7",
    "cf_species",
    "cf_fig8",
    "cf_table2",
    "cf_table3",
    "cf_fig9",
]
"""Experiments that there are rules for, by their target names."""

Kind = Literal["facts", "annotation", "retrieval", "embedding", "timing"]

KINDS: dict[str, Kind] = {
    "table1": "facts",
    "fig2a": "annotation",
    "fig2b": "annotation",
    "fig2c": "embedding",
    "fig2d": "timing",
    "table2": "retrieval",
    "fig3a": "retrieval",
    "fig3b": "timing",
    "fig4": "annotation",
    "variants": "annotation",
    "cf_table1": "facts",
    "cf_fig2": "timing",
    "cf_fig3": "timing",
    "cf_fig4": "annotation",
    "cf_fig5": "annotation",
    "cf_fig6": "annotation",
    "cf_fig7": "annotation",
    "cf_species": "annotation",
    "cf_fig8": "annotation",
    "cf_table2": "timing",
    "cf_table3": "timing",
    "cf_fig9": "timing",
}
"""What an experiment scores. Those of annotation and retrieval share their runs and need a positive control; the others
fit methods of their own and check themselves."""

CONTROLLED: tuple[Kind, ...] = ("annotation", "retrieval")
"""Kinds whose runs must have a positive control among them."""

DEEPHASH_PLACEHOLDER = "deephash"
"""Stands in a suite's list of methods for DeepHash with the configured preset."""


class Limits(Strict):
    """What one fold of one method may use before it becomes a row with a reason."""

    fold_seconds: float = Field(gt=0)
    fold_memory_mb: float = Field(gt=0)


class Experiment(Strict):
    """One figure or table: which methods on which data sets under which scheme."""

    datasets: tuple[str, ...] = Field(min_length=1)
    scheme: Scheme | None = None
    schemes: dict[str, tuple[Scheme, ...]] = Field(
        default_factory=dict, description="data set to its schemes, in place of `scheme`"
    )
    methods: tuple[str, ...] = ()
    skip: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="data set to methods that are left out on it, to stay within a budget",
    )
    search_depth: int = Field(
        0, ge=0, description="neighbours a query that searchers keep; all where the database has fewer cells"
    )
    ks: dict[str, tuple[int, ...]] = Field(
        default_factory=dict,
        description="data set to the k of retrieval, in place of multiples of the mean number of cells a type",
    )
    sizes: tuple[int, ...] = Field((), description="numbers of cells that a timing is taken at")
    size_seconds: float = Field(
        60,
        gt=0,
        description="what one size of a timing may take; larger ones of that method are then too slow",
    )
    confusion: tuple[str, ...] = Field((), description="data sets whose confusion is drawn type by type")
    minutes: float = Field(gt=0, description="time budget on 2 cores")

    def schemes_of(self, dataset: str) -> tuple[str, ...]:
        """Schemes of one data set; none where the experiment has neither."""
        return self.schemes.get(dataset) or ((self.scheme,) if self.scheme else ())


class Config(Strict):
    """Everything a run depends on."""

    suite: str
    title: str
    description: str = ""
    results: str
    downloads: str
    lock: str
    mirror: str | None = None
    archives: Literal["members", "whole"] = Field(
        description="of an archive of gigabytes, the members that are read, or the whole once"
    )
    preset: Literal["compact", "paper"]
    seed: int = Field(ge=0)
    threads: int = Field(ge=1, description="threads of a timed run")
    exclusive: dict[ExperimentName, tuple[str, ...] | None] = Field(
        description="experiments whose runs are timed, each of which takes all cores, so that nothing disturbs its "
        "clock: on which data sets, none named for all, null for no run; jobs of a timing always do, but for null"
    )
    shared_threads: int = Field(
        ge=1, description="threads of the other runs, as many side by side as the cores allow"
    )
    bootstrap: int = Field(ge=100)
    limits: Limits
    experiments: dict[ExperimentName, Experiment]
    datasets: dict[str, Any] = Field(default_factory=dict)
    methods: dict[str, Any] = Field(default_factory=dict)

    @property
    def root(self) -> str:
        """Folder of everything that this suite generates."""
        return f"{self.results}/{self.suite}"

    def experiment(self, name: str) -> Experiment:
        """The experiment of that name; `ConfigError` where the suite has none."""
        table = {str(key): experiment for key, experiment in self.experiments.items()}
        return one_of(table, name, what="experiment", where=f"suite {self.suite}")


def resolve(given: dict[str, Any], *, default_path: str | Path, suites: str | Path) -> Config:
    """Merge defaults, suite and the user's keys, and check the result.

    Raises
    ------
    ConfigError
        naming the key, what came and what is allowed
    """
    base = load_yaml(default_path)
    suite = str(given.get("suite") or os.environ.get("SCHASH_SUITE") or base.get("suite"))
    suite_path = Path(suites) / f"{suite}.yaml"
    if not suite_path.is_file():
        known = ", ".join(sorted(path.stem for path in Path(suites).glob("*.yaml")))
        message = f"config: suite {suite!r} is not known (known: {known})"
        raise ConfigError(message)
    merged = merge(merge(base, load_yaml(suite_path)), given)
    merged["suite"] = suite
    experiments = merged.get("experiments")
    if isinstance(experiments, dict):  # what is not one, validation names
        merged["experiments"] = {name: spec for name, spec in experiments.items() if spec is not None}
    merged["downloads"] = (
        given.get("downloads") or os.environ.get("SCHASH_DOWNLOADS") or merged.get("downloads")
    )
    merged["mirror"] = merged.get("mirror") or os.environ.get("SCHASH_MIRROR") or None
    config = validate(Config, merged, where=f"config (suite {suite})")
    return config.model_copy(
        update={
            "experiments": {
                name: experiment.model_copy(
                    update={
                        "methods": _with_preset(experiment.methods, config.preset),
                        "skip": {
                            dataset: _with_preset(methods, config.preset)
                            for dataset, methods in experiment.skip.items()
                        },
                    }
                )
                for name, experiment in config.experiments.items()
            }
        }
    )


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`: mappings are merged key by key, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def _with_preset(methods: tuple[str, ...], preset: str) -> tuple[str, ...]:
    return tuple(f"deephash_{preset}" if name == DEEPHASH_PLACEHOLDER else name for name in methods)
