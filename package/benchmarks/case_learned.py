"""`learned`: codes of a trained DeepHash, most of which are the same as many others."""

from typing import Any

import numpy as np

from benchmarks.cells import BaseCells, labelled_cells
from benchmarks.contestants import FLAT, build
from benchmarks.race import race
from benchmarks.report import Report
from benchmarks.results import Problem
from benchmarks.settings import MAIN_K, Settings
from schash.deephash import DeepHash
from schash.hamming import BitCodes
from schash.timing import measured
from schash.upsampling import Upsampled

CASE = "learned"
CONTESTANTS = ("multi_fast", "linear", "anchor", FLAT)
WIDTHS = (None, 64)
"""The paper's rule (the smallest power of two that is at least the number of types), and its code's 64."""
_QUICK_STEPS = 50
_HELD_OUT = 5
"""One cell in so many is a query and no training cell."""


def run(settings: Settings, report: Report) -> None:
    """Train on four fifths of the cells; they make the database, the others the queries."""
    report.step("cells")
    cells = labelled_cells()
    is_query = np.random.default_rng(0).permutation(len(cells.labels)) % _HELD_OUT == 0
    known, unknown = cells.part(np.flatnonzero(~is_query)), cells.part(np.flatnonzero(is_query))
    shorter: dict[str, Any] = {"steps": _QUICK_STEPS} if settings.quick else {}
    for width in WIDTHS[: 1 if settings.quick else None]:
        report.step(f"training, {width or 'by the rule'} bits")
        model = DeepHash(preset="compact", n_bits=width, progress=False, **shorter)
        with measured() as training:
            model.fit(known.X, known.labels, genes=known.genes, values=known.values)
        report.step("codes")
        rng = np.random.default_rng(1)
        codes = _encoded(model, known, min(settings.n, settings.n_encoded), seed=0)
        database = codes[rng.integers(0, len(codes), settings.n)]
        queries = _encoded(model, unknown, settings.n_queries, seed=1)
        n_distinct = len(np.unique(database.words, axis=0))
        problem = Problem(CASE, _described(cells), "", database, queries, n_distinct)
        report.step("building")
        built = build(CONTESTANTS, database, n_threads=settings.threads, anchors=model.anchors_)
        report.step("searching")
        runs = race(built, queries, MAIN_K, n_threads=settings.threads, limits=settings.limits)
        report.race(problem, runs, MAIN_K, settings.threads)
        facts = [
            ("training", training.seconds, "s"),
            ("training cells", float(len(known.labels)), ""),
            ("cells encoded", float(len(codes)), ""),
            ("distinct codes in the database", float(n_distinct), ""),
        ]
        report.facts(CASE, problem.data, settings.n, f"DeepHash, {database.n_bits} bits", facts)


def _encoded(model: DeepHash, cells: BaseCells, n: int, *, seed: int) -> BitCodes:
    """Codes of n cells made of these. Values that are no counts cannot be thinned: copies are then the same."""
    if cells.values == "counts":
        made = Upsampled(cells, n, seed).chunks()
        words = [model.encode(block, genes=cells.genes).words for block in made]
        return BitCodes(np.concatenate(words), model.anchors_.n_bits)
    drawn = np.random.default_rng(seed).integers(0, len(cells.labels), n)
    return model.encode(cells.X, genes=cells.genes)[drawn]


def _described(cells: BaseCells) -> str:
    return f"DeepHash compact on {cells.name}"
