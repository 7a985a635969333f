"""Methods of the self-mapping experiment: exchanged genes, nearest codes, hashes that are prefixes of others."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from schash.cell_chunks import as_chunks
from schash.cellfishing import CellFishing
from schash.dropout_selection import select_by_dropout
from schash.gene_selection import gene_ranges, select_genes
from schash.hamming import pack_bits, unpack_bits
from schash.methods.catalogue import build_method, load_catalogue
from schash.methods.cellfishing import CellFishingAnnotator
from schash.methods.contract import QueryCells, TrainingCells
from schash.methods.exchanged_genes import CellFishingOnDropoutGenes, ScmapCellOnHighGenes
from schash.methods.nearest_code import BothCodes, NearestCode, labels_by_code
from schash.methods.scmap import ScmapCell
from schash.preprocess import log1p_counts
from schash.seeds import derive_seed

CATALOGUE = load_catalogue(Path(__file__).parents[2] / "config" / "methods.yaml")
N_GENES = 900
GENES = np.array([f"g{i}" for i in range(N_GENES)])
TINY = {"preset": "compact", "variant": "as_written", "steps": 20, "n_members": 1}


def draw(n_cells, seed):
    """Counts of three types with markers of their own, on genes of very different maxima."""
    rng = np.random.default_rng(seed)
    base = np.random.default_rng(1).gamma(0.4, 1.5, N_GENES)
    type_of = rng.integers(3, size=n_cells)
    means = np.tile(base, (n_cells, 1))
    for t in range(3):
        means[type_of == t, 80 * t : 80 * (t + 1)] += 4
    return rng.poisson(means).astype(np.float32), np.array(["a", "b", "c"])[type_of]


@pytest.fixture(scope="module")
def cells():
    X, y = draw(240, 0)
    queries, truth = draw(80, 5)
    return TrainingCells(X, y, GENES, "counts"), QueryCells(queries, GENES, "counts"), truth


def high_genes(train):
    return GENES[select_genes(gene_ranges(as_chunks(train.X, train.genes), N_GENES))]


def dropout_genes(train, n):
    return GENES[select_by_dropout(log1p_counts(train.X, values="counts"), n)]


def test_cellfishing_gets_exactly_scmaps_genes(cells):
    train, query, _ = cells
    method = CellFishingOnDropoutGenes(n_features=120, n_bits=64, seed=3).fit(train)
    chosen = dropout_genes(train, 120)
    np.testing.assert_array_equal(method._index.genes_, chosen)
    assert set(chosen) != set(high_genes(train))
    columns = np.flatnonzero(np.isin(GENES, chosen))
    alone = CellFishing(n_bits=64, include_genes=chosen.tolist(), seed=3)
    alone.fit(train.X[:, columns], genes=chosen)
    found = alone.search(query.X, 10, genes=GENES)
    nearest = method.search(query, 10)
    np.testing.assert_array_equal(nearest.ids, found.ids)
    np.testing.assert_array_equal(method.predict(query).labels, train.y[found.ids[:, 0]])


def test_scmap_gets_exactly_cellfishings_genes(cells):
    train, query, truth = cells
    method = ScmapCellOnHighGenes(n_votes=1, threshold=None, seed=3).fit(train)
    chosen = high_genes(train)
    assert set(method._features) == set(chosen)
    assert len(chosen) >= N_GENES / 10
    columns = np.flatnonzero(np.isin(GENES, chosen))
    kept = TrainingCells(train.X[:, columns], train.y, chosen, "counts")
    same = ScmapCell(n_features=len(chosen), n_votes=1, threshold=None, seed=3).fit(kept)
    np.testing.assert_array_equal(method.predict(query).labels, same.predict(query).labels)
    assert np.mean(method.predict(query).labels == truth) > 0.9


def test_rows_of_one_seed_share_their_hashes(cells):
    """L = 1, 2, 4 are the first hashes of L = 8, under the seed that the benchmark derives for each row."""
    train, query, _ = cells
    codes = {}
    for name, n_hashes in (("cf_t128_l1", 1), ("cf_t128_l2", 2), ("cellfishing", 4), ("cf_t128_l8", 8)):
        row = CATALOGUE.row(name)
        seed = derive_seed("d", 0, row.seed_as or name, 0)
        index = build_method(row, seed=seed).fit(train)._index
        assert (index.n_bits, index.n_hashes) == (128, n_hashes)
        codes[name] = index.encode(query.X, genes=GENES)
    for name, found in codes.items():
        assert len(found) == {"cf_t128_l1": 1, "cf_t128_l2": 2, "cellfishing": 4, "cf_t128_l8": 8}[name]
        assert found == codes["cf_t128_l8"][: len(found)]
    assert len({each.words.tobytes() for each in codes["cf_t128_l8"]}) == 8


def test_every_row_of_the_experiment_says_what_it_is():
    rows = {name: row for name, row in CATALOGUE.methods.items() if name.startswith("cf_t")}
    assert len(rows) == 7  # T x L without the default
    for name, row in rows.items():
        bits, hashes = (int(part[1:]) for part in name.split("_")[1:])
        assert (row.parameters["n_bits"], row.parameters["n_hashes"]) == (bits, hashes)
        assert row.seed_as == "cellfishing"
        assert f"T={bits}, L={hashes}" in row.title
    for name, row in CATALOGUE.methods.items():
        if name.startswith("cf_scmap"):
            assert row.parameters["threshold"] is None
            assert not row.rejects
            assert row.parameters["n_votes"] == 1


def test_warm_up_loads_the_width_that_runs(cells, monkeypatch):
    built = []
    fit = CellFishing.fit
    monkeypatch.setattr(
        CellFishing, "fit", lambda self, *a, **k: built.append(self.n_bits) or fit(self, *a, **k)
    )
    CellFishingAnnotator(n_bits=256, n_hashes=8).warm_up()
    assert built == [256]


def test_most_cells_of_a_code_name_it():
    bits = np.zeros((9, 8), bool)
    bits[1:6, 2] = True
    bits[8, 0] = True
    y = np.array(["b", "c", "a", "a", "c", "a", "b", "a", "d"])
    expected = ["b", "a", "a", "a", "a", "a", "b", "b", "d"]
    np.testing.assert_array_equal(labels_by_code(pack_bits(bits), y), expected)
    same = np.zeros((4, 8), bool)
    assert set(labels_by_code(pack_bits(same), np.array(["z", "y", "z", "y"]))) == {"y"}  # equally many


def test_one_cell_of_another_type_does_not_name_a_code(cells):
    """The first training cell is mislabelled; most queries of its type still get theirs."""
    train, query, truth = cells
    wrong = train.y.copy()
    kind = wrong[0]
    wrong[0] = next(label for label in wrong if label != kind)
    method = NearestCode(**TINY, seed=1).fit(replace(train, y=wrong))
    assert np.mean(method.predict(query).labels[truth == kind] == kind) > 0.9


def test_a_query_gets_the_type_of_its_nearest_learned_code(cells):
    train, query, truth = cells
    method = NearestCode(**TINY, seed=1).fit(train)
    model = method.model
    codes, queries = (unpack_bits(model.encode(part.X, genes=GENES)) for part in (train, query))
    distances = (queries[:, None] != codes[None]).sum(axis=2)
    nearest = distances.argmin(axis=1)  # the first of equal ones
    predictions = method.predict(query)
    for label, row in zip(predictions.labels, nearest, strict=True):
        of_code = Counter(train.y[(codes == codes[row]).all(axis=1)])
        assert of_code[label] == max(of_code.values())
    np.testing.assert_array_equal(predictions.margin, -distances.min(axis=1))
    assert np.mean(predictions.labels == truth) > 0.9


def test_both_codes_are_one_distance(cells):
    train, query, _ = cells
    method = BothCodes(**TINY, n_hashes=2, seed=1).fit(train)
    learned = [unpack_bits(method.model.encode(part.X, genes=GENES)) for part in (train, query)]
    hashed = CellFishing(n_hashes=2, seed=1).fit(train.X, genes=GENES)
    drawn = [
        np.hstack([unpack_bits(code) for code in hashed.encode(part.X, genes=GENES)])
        for part in (train, query)
    ]
    total = sum((queries[:, None] != codes[None]).mean(axis=2) for codes, queries in (learned, drawn))
    found = method.search(query, 3)
    np.testing.assert_allclose(found.distances, np.sort(total, axis=1)[:, :3], rtol=1e-5)
    labels = method.predict(query).labels
    np.testing.assert_array_equal(labels, train.y[found.ids[:, 0]])
    # the hashes decide among equal learned codes, which the nearest code alone gives to the first row
    assert not np.array_equal(
        found.ids[:, 0], NearestCode(**TINY, seed=1).fit(train).search(query, 1).ids[:, 0]
    )
