"""Folds that were published with a data set: R's file of them, and the split that takes them."""

import numpy as np
import pandas as pd
import pytest
import rdata
from written_files import dataset, zipped

from schash.data.loaders import load_dataset
from schash.data.loaders.zenodo import published_folds
from schash.errors import DataError
from schash.published_folds import PublishedFolds
from schash.splits import make_split

LABELS = ["a", "rare", "b"] * 3 + ["a", "b"] * 9  # 12 a, 12 b; 3 of a type that is too rare
KEPT = [label != "rare" for label in LABELS]
ROWS = [row for row, kept in enumerate(KEPT) if kept]  # row 0 of the folds is row 0 here, 1 is 2, ...
N = len(ROWS)
TEST = [np.array(range(fold, N, 5)) for fold in range(5)][::-1]
TRAIN = [np.array([row for row in range(N) if row not in set(test)])[::-1] for test in TEST]


def objects(**changes):
    """What Cross_Validation.R saves: rows from 1, numbers as R keeps them, training rows in no order."""
    return {
        "n_folds": np.array([5.0]),
        "Train_Idx": [np.int32(rows + 1) for rows in TRAIN],
        "Test_Idx": [np.int32(rows + 1) for rows in TEST],
        "col_Index": np.array([1.0]),
        "Cells_to_Keep": np.array(KEPT),
    } | changes


@pytest.fixture
def archive(tmp_path):
    """Write the archive with these objects, and give the row and the files that the loader takes."""

    def write(content=None, *, member="My set/CV_folds.RData", columns="x", **changes):
        if content is None:
            rdata.write_rda(
                tmp_path / "f.RData", {k: v for k, v in objects(**changes).items() if v is not None}
            )
            content = (tmp_path / "f.RData").read_bytes()
        table = ",G1\n" + "".join(f"c{row},1\n" for row in range(len(LABELS)))
        before = "y," * columns.split(",").index("x")
        labels = columns + "\n" + "".join(f"{before}{label}\n" for label in LABELS)
        zipped(tmp_path / "z.zip", **{"My set/d.csv": table, "My set/Labels.csv": labels, member: content})
        part = {"data": "My set/d.csv", "labels": "My set/Labels.csv"}
        options = {"file": "z.zip", "parts": [part], "folds": "CV_folds.RData"}
        return dataset("zenodo_csv", options, files=["z.zip"]), {"z.zip": tmp_path / "z.zip"}

    return write


def split_of(archive, **changes):
    row, files = archive(**changes)
    loaded = load_dataset(row, files)
    labels = loaded.labels.reset_index(drop=True)
    return make_split(
        labels, loaded.cells.obs, dataset="tiny", scheme="cv5", published=published_folds(row, files)
    )


def test_the_split_takes_the_published_folds(archive):
    split = split_of(archive)
    for fold in range(5):
        query = [ROWS[row] for row in sorted(TEST[fold])]
        rows = split.rows[split.rows["fold"] == fold]
        assert rows.loc[rows["part"] == "query", "row"].tolist() == query
        assert rows.loc[rows["part"] == "train", "row"].tolist() == [row for row in ROWS if row not in query]
    assert split.part("query")["row"].iloc[0] == ROWS[4], (
        "the first of the published folds is the last of the five"
    )
    assert split.part("query")["label"].tolist() == [LABELS[row] for row in split.part("query")["row"]]
    assert split.folds_from == "CV_folds.RData"
    assert split.dropped_types == {"rare": 3}
    assert split.fold_names == list("01234")


def test_folds_without_published_ones_are_ours():
    labels = pd.Series(LABELS)
    obs = pd.DataFrame(index=range(len(LABELS)))
    ours = make_split(labels, obs, dataset="tiny", scheme="cv5")
    assert ours.folds_from == ""
    folds = PublishedFolds("f", np.array(KEPT), tuple(TRAIN), tuple(TEST))
    with pytest.raises(DataError, match="published folds are of scheme cv5, came random5"):
        make_split(labels, obs, dataset="tiny", scheme="random5", published=folds)


def test_lists_and_vectors_with_names_and_whole_doubles(archive):
    named = {f"Fold{i}": np.float64(rows + 1) for i, rows in enumerate(TEST)}
    plain, other = split_of(archive), split_of(archive, Test_Idx=named, n_folds=np.int32([5]))
    pd.testing.assert_frame_equal(plain.rows, other.rows)


def test_the_column_of_labels_that_the_folds_were_made_of(archive):
    row, files = archive(columns="Class,Subclass,x", col_Index=np.array([3.0]))
    assert published_folds(row, files).kept.sum() == N
    with pytest.raises(DataError, match="is of column 1 of the labels, expected column 3"):
        published_folds(*archive(columns="Class,Subclass,x"))


def first(rows, **change):
    """The published vectors with the first one replaced."""
    return [np.int32(change["by"]), *(np.int32(row + 1) for row in rows[1:])]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Cells_to_Keep": np.array([*KEPT, False])}, "is of 28 cells, the data set has 27"),
        ({"Cells_to_Keep": np.array([True, True, *KEPT[2:-1], False])}, "2 cells differ, the first of them is cell 2"),
        ({"Cells_to_Keep": np.ones(27, dtype=bool)}, "training and test cells of fold 1 are not the 27 cells"),
        ({"Cells_to_Keep": np.ones(27)}, "Cells_to_Keep must be a logical vector"),
        ({"Test_Idx": first(TEST, by=TEST[0])}, "training and test cells of fold 1 are not the 24 cells"),
        ({"Test_Idx": first(TEST, by=TEST[0][1:] + 1)}, "of fold 1 .* found 20 and 3"),
        ({"Test_Idx": [np.int32(TEST[1] + 1), *(np.int32(t + 1) for t in TEST[1:])],
          "Train_Idx": [np.int32(TRAIN[1] + 1), *(np.int32(t + 1) for t in TRAIN[1:])]},
         "not every cell that is kept is in the test set of exactly one fold"),
        ({"Test_Idx": first(TEST, by=TEST[0] + 1)[:4]}, "n_folds is 5, but Test_Idx holds 4 vectors"),
        ({"n_folds": np.array([2.0]), "Train_Idx": [np.int32(np.arange(0, N, 2) + 1), np.int32(np.arange(1, N, 2) + 1)],
          "Test_Idx": [np.int32(np.arange(1, N, 2) + 1), np.int32(np.arange(0, N, 2) + 1)]},
         "has 2 folds, expected 5"),
        ({"col_Index": np.array([2.0])}, "is of column 2 of the labels, expected column 1"),
        ({"col_Index": None}, "has no object col_Index; it holds: n_folds"),
        ({"Train_Idx": [rows + 0.5 for rows in TRAIN]}, "Train_Idx must hold whole numbers"),
        ({"Train_Idx": np.int32([1, 2])}, "Train_Idx must be a list of vectors"),
        ({"n_folds": "five"}, "n_folds must hold whole numbers"),
        ({"content": b"<html>"}, "cannot be read as RData"),
        ({"member": "My set/folds.RData"}, r"has no member 'My set/CV_folds.RData'(?s:.*)options\.folds"),
    ],
)  # fmt: skip
def test_folds_that_do_not_fit(archive, changes, words):
    with pytest.raises(DataError, match=words) as raised:
        split_of(archive, **changes)
    assert "z.zip" in str(raised.value)


def test_a_file_that_breaks_off(archive, tmp_path):
    rdata.write_rda(tmp_path / "whole.RData", objects())
    broken = (tmp_path / "whole.RData").read_bytes()[:-40]
    with pytest.raises(DataError, match=r"CV_folds\.RData: cannot be read as RData"):
        published_folds(*archive(broken))
