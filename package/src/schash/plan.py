"""Which runs a suite asks for: experiments resolved to (data set, scheme, method), every name checked."""

import json
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from schash.atomic import write_text
from schash.config import CONTROLLED, KINDS, Config, Experiment, Kind
from schash.data.download_plan import Fetch, all_fetches, announcement, fetches_of
from schash.data.registry import Registry
from schash.errors import ConfigError
from schash.methods.catalogue import Catalogue
from schash.splits import UNLABELLED_SCHEMES


class Run(NamedTuple):
    """One method on one data set under one scheme: one job, all folds."""

    dataset: str
    scheme: str
    method: str


class Plan:
    """The suite's experiments with every name checked.

    Raises
    ------
    ConfigError
        for an experiment that names an unknown data set or method, or lacks its scheme or a positive control
    """

    def __init__(self, config: Config, registry: Registry, catalogue: Catalogue) -> None:
        self.config, self.registry, self.catalogue = config, registry, catalogue
        for name, experiment in config.experiments.items():
            self._check_names(name, experiment)
            without_scheme = [data for data in experiment.datasets if not experiment.schemes_of(data)]
            if experiment.methods and without_scheme:
                message = (
                    f"config: experiments.{name}.scheme is required for {', '.join(without_scheme)}, "
                    "since the experiment runs methods"
                )
                raise ConfigError(message)
            blind = {scheme for data in experiment.datasets for scheme in experiment.schemes_of(data)}
            if (found := sorted(blind & set(UNLABELLED_SCHEMES))) and KINDS[name] in CONTROLLED:
                message = (
                    f"config: experiments.{name} scores labels, which cells have no need of under {', '.join(found)}; "
                    "that scheme is for timings"
                )
                raise ConfigError(message)
            controlled = experiment.methods and KINDS[name] in CONTROLLED
            without = self._without_positive_control(name) if controlled else []
            if without:
                message = (
                    f"config: experiments.{name} has no positive control on {', '.join(without)}; add true_labels to "
                    "its methods, without which nobody can tell whether the scoring is right"
                )
                raise ConfigError(message)

    def _check_names(self, name: str, experiment: Experiment) -> None:
        try:
            for dataset in (*experiment.datasets, *experiment.skip, *experiment.schemes, *experiment.ks):
                self.registry.dataset(dataset)
            for dataset in (
                next((data for key, data in self.config.exclusive.items() if key == name), None) or ()
            ):
                self.registry.dataset(dataset)
            for method in chain(experiment.methods, *experiment.skip.values()):
                self.catalogue.row(method)
        except ConfigError as error:
            message = f"config: experiments.{name}: {error}"
            raise ConfigError(message) from None

    def runs(self, experiment: str) -> list[Run]:
        """Every run of an experiment, data set by data set."""
        spec = self.config.experiment(experiment)
        return [
            Run(dataset, scheme, method)
            for dataset in spec.datasets
            for scheme in spec.schemes_of(dataset)
            for method in spec.methods
            if method not in spec.skip.get(dataset, ())
        ]

    def _without_positive_control(self, experiment: str) -> list[str]:
        runs = self.runs(experiment)
        controlled = {run.dataset for run in runs if self.catalogue.row(run.method).sees_solution}
        return [name for name in self.config.experiment(experiment).datasets if name not in controlled]

    def search_depth(self, run: Run) -> int:
        """Neighbours that a run must keep for all experiments that share it."""
        return max(
            (spec.search_depth for name, spec in self.config.experiments.items() if run in self.runs(name)),
            default=0,
        )

    def threads(self, run: Run) -> int:
        """Threads that a run may use."""
        return self.config.threads if self.is_timed(run) else self.config.shared_threads

    def is_timed(self, run: Run) -> bool:
        """Whether a run has the machine to itself, since its seconds are shown."""
        return run in self._timed

    def is_undisturbed(self, experiment: str) -> bool:
        """Whether the jobs of a timing have the machine to themselves: unless `exclusive` says null."""
        return all(data is not None for name, data in self.config.exclusive.items() if name == experiment)

    def timed_datasets(self, experiment: str) -> tuple[str, ...]:
        """Data sets on which the runs of an experiment are timed."""
        named = next((data for name, data in self.config.exclusive.items() if name == experiment), None)
        return () if named is None else named or self.config.experiment(experiment).datasets

    @cached_property
    def _timed(self) -> frozenset[Run]:
        named = [name for name in self.config.exclusive if name in self.config.experiments]
        return frozenset(
            run for name in named for run in self.runs(name) if run.dataset in self.timed_datasets(name)
        )

    def benchmarks(self) -> list[str]:
        """Experiments that run methods, in the suite's order."""
        return [name for name, experiment in self.config.experiments.items() if experiment.methods]

    def of_kind(self, *kinds: Kind) -> list[str]:
        """Experiments of these kinds that run methods, in the suite's order."""
        return [name for name in self.benchmarks() if KINDS[name] in kinds]

    def scored(self, experiment: str) -> list[tuple[str, str]]:
        """Every (data set, scheme) of an experiment: what is scored together."""
        return list(dict.fromkeys((run.dataset, run.scheme) for run in self.runs(experiment)))

    def fetches_of(self, dataset: str) -> list[Fetch]:
        """What has to be downloaded for a data set."""
        return fetches_of(self.registry, dataset, self.config.archives)

    def fetches(self) -> list[Fetch]:
        """What has to be downloaded for the suite, in its order."""
        return all_fetches(self.registry, self._datasets(), self.config.archives)

    def _datasets(self) -> list[str]:
        """Data sets of all experiments, in the suite's order."""
        return list(
            dict.fromkeys(name for spec in self.config.experiments.values() for name in spec.datasets)
        )

    def downloads(self) -> str:
        """What will be downloaded, how much and where to, in a few lines for the terminal."""
        return announcement(self.fetches(), self.config.downloads, self.config.mirror)

    def overview(self) -> str:
        """What is going to happen, in a few lines for the terminal."""
        runs = {run for name in self.of_kind(*CONTROLLED) for run in self.runs(name)}
        minutes = sum(spec.minutes for spec in self.config.experiments.values())
        return (
            f"schash {self.config.suite}: {', '.join(self.config.experiments)}; {len(self._datasets())} data sets, "
            f"{len(runs)} runs of {len({run.method for run in runs})} methods, "
            f"budget {minutes:g} min on 2 cores\n{self.downloads()}"
        )


def failed_attempts(path: str | Path) -> int:
    """How often a run has ended with a failed fold so far; 0 where it never ran.

    A run's rule takes this number as a parameter. It grows only when a run fails, so that a failed run is tried again
    by the next call of Snakemake, and one that succeeded is not.
    """
    try:
        return int(json.loads(Path(path).read_text())["failed"])
    except FileNotFoundError:
        return 0
    except (ValueError, KeyError, TypeError):
        return 0  # a damaged counter may at worst repeat a run


def count_failure(path: str | Path) -> None:
    """Add one failed attempt to the counter beside a run."""
    count = failed_attempts(path) + 1
    write_text(path, json.dumps({"failed": count}) + "\n")
