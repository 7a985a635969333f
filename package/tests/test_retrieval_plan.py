"""What a suite must say of an experiment of retrieval."""

from types import SimpleNamespace

import pytest

from schash.config import Experiment
from schash.errors import ConfigError
from schash.retrieval_plan import check_retrieval

ROWS = {"svm": False, "majority": False, "cellfishing": True, "true_labels": True}


def plan(**changes):
    """A plan with one experiment of retrieval."""
    given = {
        "datasets": ["d"],
        "scheme": "cv5",
        "methods": ["cellfishing", "true_labels"],
        "search_depth": 100,
    }
    experiment = Experiment.model_validate({**given, "minutes": 1, **changes})
    methods = {name: SimpleNamespace(searcher=searcher) for name, searcher in ROWS.items()}
    return SimpleNamespace(
        of_kind=lambda kind: {"retrieval": ["table2"]}[kind],
        config=SimpleNamespace(experiment={"table2": experiment}.__getitem__),
        catalogue=SimpleNamespace(row=methods.__getitem__, methods=methods),
    )


def test_searchers_with_a_depth_pass():
    check_retrieval(plan())
    check_retrieval(plan(ks={"d": [1, 100]}))
    check_retrieval(plan(ks={"d": []}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"methods": ["svm", "true_labels", "majority"]},
            r"experiments.table2.methods: svm, majority cannot search; .*searchers: cellfishing, true_labels",
        ),
        ({"search_depth": 0}, "experiments.table2.search_depth is required"),
        ({"ks": {"d": [5, 101]}}, r"ks.d must be from 1 to search_depth, which is 100; got \[5, 101\]"),
        ({"ks": {"d": [0]}}, "ks.d must be from 1 to search_depth"),
    ],
)
def test_what_no_run_would_keep_is_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        check_retrieval(plan(**changes))
