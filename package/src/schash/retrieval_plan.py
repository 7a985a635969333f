"""What a suite must say of an experiment of retrieval, checked before anything runs."""

from schash.errors import ConfigError
from schash.plan import Plan


def check_retrieval(plan: Plan) -> None:
    """Raise `ConfigError` where a suite asks for neighbours that no run would keep.

    Raises
    ------
    ConfigError
        for a method that does not search, a missing search_depth, or a k beyond it
    """
    for name in plan.of_kind("retrieval"):
        experiment, where = plan.config.experiment(name), f"config: experiments.{name}"
        mute = [method for method in experiment.methods if not plan.catalogue.row(method).searcher]
        if mute:
            known = ", ".join(method for method, row in plan.catalogue.methods.items() if row.searcher)
            message = f"{where}.methods: {', '.join(mute)} cannot search; leave them out (searchers: {known})"
            raise ConfigError(message)
        if experiment.search_depth == 0:
            message = (
                f"{where}.search_depth is required: how many neighbours of a query are kept; all cells where there "
                "are fewer"
            )
            raise ConfigError(message)
        for dataset, ks in experiment.ks.items():
            if max(ks, default=1) > experiment.search_depth or min(ks, default=1) < 1:
                message = (
                    f"{where}.ks.{dataset} must be from 1 to search_depth, which is {experiment.search_depth}; "
                    f"got {list(ks)}"
                )
                raise ConfigError(message)
