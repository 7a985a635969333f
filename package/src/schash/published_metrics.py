"""Which of our metrics is meant by the name that a published number has in `config/expected.tsv`.

A name that no entry of FORMS matches is a metric id itself. An entry lists forms of it, the most faithful one first;
the first one that was measured counts. In a form `{k}` stands for what the name's pattern matched.

mAP@k
    The paper's k is about the mean number of cells a type in its database, 60% of the cells (PAPER_TYPE_SIZE). Where
    k itself was not measured, on a stand-in above all, the nearest of our multiples of that size takes its place. Our
    searches go over the 80% that the methods are fitted on; `beside` is the same score on 60%.
Ties
    averaged, or by row where a search's lists end among ties.
"""

import re
from collections.abc import Iterator
from math import log
from typing import NamedTuple

from schash.retrieval_ids import (
    MULTIPLES,
    RECALL_WITHIN_TYPE,
    cells_per_type_metric,
    k_metric,
    map_metric,
)
from schash.timing_table import MILLION, TM_CELLS


class Form(NamedTuple):
    """A metric of ours.

    `note` says what differs from the paper's; its {number} is the value of the metric `number`. `beside` is the same
    score on a database of 60% of the cells.
    """

    metric: str
    note: str = ""
    number: str = ""
    beside: str = ""


class OfMethods(NamedTuple):
    """A number of several methods: the range of their means, or the first minus the second in the same fold."""

    metric: str
    kind: str
    methods: tuple[str, ...]


PAPER_TYPE_SIZE = {"zenodo_amb92": 84, "zenodo_tm": 599}
"""Mean number of cells a type in 60% of the paper's own data set."""

BY_ROW = "ties by row: lists end among them"

OF_METHODS = {
    "median_f1_range_over_bits": OfMethods(
        "median_f1", "range", ("fig4_sampled_32", "variant_n_bits", "fig4_sampled_128", "fig4_sampled_256")
    ),
    "median_f1_predefined_minus_learned": OfMethods(
        "median_f1", "difference", ("variant_as_written", "fig4_learned")
    ),
    "consistency_4_hashes_minus_1": OfMethods("consistency", "difference", ("cellfishing", "cf_t128_l1")),
    "consistency_freeman_tukey_minus_log": OfMethods(
        "consistency", "difference", ("cf_freeman_tukey", "cellfishing")
    ),
    "consistency_gain_by_scmap_genes": OfMethods(
        "consistency", "difference", ("cf_dropout_genes", "cellfishing")
    ),
    "consistency_gain_by_cellfishing_genes": OfMethods(
        "consistency", "difference", ("cf_scmap_high_genes", "cf_scmap_cell")
    ),
}
"""By the published metric: rows of methods.yaml, of 32, 64, 128 and 256 bits, and with either kind of anchors; hashes,
transformations and genes of CellFishing.jl's self-mapping."""

_MAP = re.compile(r"map_hits_at_(?P<k>\d+)")
_FORMS = {
    r"precision_at_(?P<k>\d+)_over_types": (
        Form("precision_at_n[n={k},averaged,types,db80]"),
        Form("precision_at_n[n={k},by_row,types,db80]", BY_ROW),
    ),
    r"cells_per_type": (
        Form(
            cells_per_type_metric("db60"),
            "of a database of 60% of the cells; 80% has {number}",
            cells_per_type_metric("db80"),
        ),
    ),
    r"within_type_neighbour_recall": (Form(RECALL_WITHIN_TYPE),),
    r"median_f1_on_baron_human": (Form("median_f1_on_baron_human"), Form("median_f1_on_baron")),
    r"(?P<score>consistency|kappa)_(?P<query>[a-z0-9]+)_to_[a-z0-9]+": (Form("{score}_on_{query}"),),
    r"annotate_s": (Form("annotate_s", f"{TM_CELLS:,} copies of query cells, as many as the paper's"),),
    r"query_ms": (Form("query_ms", f"{TM_CELLS:,} copies of cells searched"),),
    r"query_ms_at_1m": (Form("query_ms_at_1m", f"{MILLION:,} copies of cells searched"),),
}
AT_THE_PAPERS_SIZE = {"annotate_s"}
"""Seconds that say something on a stand-in too: of copies of its cells, as many as the paper's data set has."""


def forms(name: str, dataset: str) -> Iterator[Form]:
    """Every form of a published metric of one of the paper's data sets, the most faithful one first."""
    found = [form for pattern, listed in _FORMS.items() for form in _filled(pattern, listed, name)]
    if name not in [form.metric for form in found]:
        yield Form(name)
    yield from found
    if match := _MAP.fullmatch(name):
        yield from _mean_average_precision(int(match["k"]), dataset)


def _filled(pattern: str, listed: tuple[Form, ...], name: str) -> Iterator[Form]:
    if match := re.fullmatch(pattern, name):
        for form in listed:
            yield form._replace(metric=form.metric.format(**match.groupdict()))


def _mean_average_precision(k: int, dataset: str) -> Iterator[Form]:
    ways = {"averaged": "", "by_row": f"; {BY_ROW}"}
    for ties, note in ways.items():
        yield _hits(str(k), ties, note.removeprefix("; "))
    if size := PAPER_TYPE_SIZE.get(dataset):
        nearest = min(MULTIPLES, key=lambda name: abs(log(MULTIPLES[name] * size / k)))
        told = f"k = {{number}}, {MULTIPLES[nearest]:g} x the mean cells of a type (paper: {k / size:.2g} x)"
        for ties, note in ways.items():
            yield _hits(nearest, ties, told + note, k_metric(nearest, "db80"))


def _hits(k: str, ties: str, note: str, number: str = "") -> Form:
    searched, beside = (map_metric(k, "hits", ties, "queries", database) for database in ("db80", "db60"))
    return Form(searched, note, number, beside)
