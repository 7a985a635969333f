"""Training and query rows of every benchmark scheme, and the rule that keeps their labels apart.

A split is written as three files: the rows of each fold, the training labels, and the solution. Methods are given
the first two; only scoring and the positive control are given the third.

Schemes
    cv5       stratified 5-fold over the types with MORE than 10 cells (scDeepHash section 4; Abdelaal 2019); the folds
              that a data set was published with, where it was
    random5   plain random 5-fold with all types (CellFishing.jl, "Self-mapping evaluation")
    cells5    plain random 5-fold of all cells, whether they have a label or not: for timings, which need none
    loso      leave one study out
    batch     leave one batch out
    protocol  leave one protocol out
    species   leave one species out
    *_mnn     the same split; the cells of each fold are aligned by mutual nearest neighbours (schash.alignment)

Cells without a label take no part, but in `cells5`, where theirs is "". In the leave-one-out schemes a query cell whose
type no training cell has cannot be annotated right by anyone; such cells are left out of the query and counted in
`Split.n_unseen`.
A group makes a fold if it keeps more than 10 query cells and its training cells are of more than one type.
`Split.fold_names` has the groups that do, `Split.without_fold` the cells of those that do not.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from schash.atomic import atomic_path
from schash.errors import DataError
from schash.published_folds import PublishedFolds
from schash.seeds import derive_seed

N_FOLDS = 5
MIN_CELLS_EXCLUSIVE = 10
"""`cv5` keeps a type, and a leave-one-out scheme a fold, only if it has more cells than this."""

GROUP_COLUMNS = {"loso": "study", "batch": "batch", "protocol": "protocol", "species": "species"}
SCHEMES = ("cv5", "random5", "cells5", *GROUP_COLUMNS)
PUBLISHED_SCHEME = "cv5"
"""The scheme of folds that a data set was published with."""
UNLABELLED_SCHEMES = ("cells5",)
"""Schemes that no annotation can be scored under."""
UNLABELLED = ""
ALIGNED = "_mnn"
"""Suffix of a scheme whose cells are aligned by mutual nearest neighbours, on the same split."""


def base_scheme(scheme: str) -> str:
    """The scheme whose split an aligned one stands on; any other scheme itself."""
    return scheme.removesuffix(ALIGNED)


@dataclass(frozen=True)
class Split:
    """Rows of the prepared cells in each fold, with their labels.

    rows : DataFrame with fold (int16), row (int64), part ("train" or "query")
    labels : Series of str, indexed by row: the labels of every row that takes part
    fold_names : the held-out group of each fold, or its number
    n_unseen : query cells left out of all groups, since no training cell has their type; `unseen` by fold
    without_fold : group to the number of its cells
    folds_from : name of the file that published folds come from; "" where they were made here
    """

    dataset: str
    scheme: str
    seed: int
    rows: pd.DataFrame
    labels: pd.Series
    fold_names: list[str] = field(default_factory=list)
    dropped_types: dict[str, int] = field(default_factory=dict)
    n_unlabelled: int = 0
    n_unseen: int = 0
    unseen: list[int] = field(default_factory=list)
    without_fold: dict[str, int] = field(default_factory=dict)
    folds_from: str = ""

    @property
    def n_folds(self) -> int:
        return len(self.fold_names)

    def part(self, part: str) -> pd.DataFrame:
        """Rows of one part with their labels: fold, row, label."""
        rows = self.rows.loc[self.rows["part"] == part, ["fold", "row"]].reset_index(drop=True)
        return rows.assign(label=self.labels.loc[rows["row"]].to_numpy())

    def solution(self) -> pd.DataFrame:
        """Query rows: fold, row, label, and group, the held-out one, "" where folds are not groups."""
        queries = self.part("query")
        names = self.fold_names if self.scheme in GROUP_COLUMNS else [""] * self.n_folds
        return queries.assign(group=[names[fold] for fold in queries["fold"]])

    def fold_facts(self) -> list[dict[str, int | str]]:
        """Of each fold its name, training cells, query cells and their types, and cells left out as unseen."""
        facts: list[dict[str, int | str]] = []
        for fold, name in enumerate(self.fold_names):
            train, query = (part[part["fold"] == fold] for part in (self.part("train"), self.part("query")))
            sizes = {"n_train": len(train), "n_query": len(query), "n_types": query["label"].nunique()}
            facts.append({"name": name, **sizes, "n_unseen": self.unseen[fold]})
        return facts


def make_split(
    labels: pd.Series,
    obs: pd.DataFrame,
    *,
    dataset: str,
    scheme: str,
    seed: int = 0,
    published: PublishedFolds | None = None,
) -> Split:
    """Split the cells of one data set.

    Parameters
    ----------
    labels : Series of str, one per cell in the order of the prepared cells; NA where a cell has none
    obs : the prepared cells' `obs`, whose column the leave-one-out schemes group by
    seed : combined with the data set and the scheme, so that two data sets never share a shuffle
    published : folds that `cv5` takes in place of a shuffle

    Raises
    ------
    DataError
        for an unknown scheme, a missing column, too few cells to make the folds, or published folds of other cells
    """
    if scheme not in SCHEMES:
        message = f"scheme {scheme!r} is not known; allowed: {', '.join(SCHEMES)}"
        raise DataError(message)
    if published is not None and scheme != PUBLISHED_SCHEME:
        message = f"{dataset}: published folds are of scheme {PUBLISHED_SCHEME}, came {scheme}"
        raise DataError(message)
    known = labels.notna().to_numpy()
    kept, dropped = _keep_types(labels, known, scheme)
    rows = np.flatnonzero(kept)
    truth = labels.fillna(UNLABELLED).to_numpy()[rows].astype(str)
    if scheme in GROUP_COLUMNS:
        folds, groups = _leave_one_out(truth, rows, obs, dataset, scheme)
    else:
        folds = published.of_cells(kept, N_FOLDS) if published else _k_folds(truth, dataset, scheme, seed)
        groups = _Groups(list("01234"), [0] * N_FOLDS)
    table = [
        pd.DataFrame({"fold": np.int16(fold), "row": rows[part_rows].astype(np.int64), "part": part})
        for fold, parts in enumerate(folds)
        for part, part_rows in zip(("train", "query"), parts, strict=True)
    ]
    return Split(
        dataset=dataset,
        scheme=scheme,
        seed=seed,
        rows=pd.concat(table, ignore_index=True),
        labels=pd.Series(truth, index=rows, name="label"),
        fold_names=groups.names,
        dropped_types=dropped,
        n_unlabelled=int((~known).sum()),
        n_unseen=sum(groups.unseen) + groups.unseen_without_fold,
        unseen=groups.unseen,
        without_fold=groups.without_fold,
        folds_from=Path(published.where).name if published else "",
    )


def _keep_types(labels: pd.Series, known: np.ndarray, scheme: str) -> tuple[np.ndarray, dict[str, int]]:
    if scheme in UNLABELLED_SCHEMES:
        return np.ones(len(labels), dtype=bool), {}
    if scheme != "cv5":
        return known, {}
    counts = labels.value_counts()
    small = counts[counts <= MIN_CELLS_EXCLUSIVE]
    return known & ~labels.isin(small.index).to_numpy(), {
        str(name): int(count) for name, count in small.items()
    }


def _k_folds(truth: np.ndarray, dataset: str, scheme: str, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import (
        KFold,
        StratifiedKFold,
    )  # a second to import, and most stages only read splits

    n_types = len(set(truth))
    if scheme in UNLABELLED_SCHEMES and len(truth) < N_FOLDS:
        message = f"{dataset}: scheme {scheme} needs at least {N_FOLDS} cells, found {len(truth)}"
        raise DataError(message)
    if scheme not in UNLABELLED_SCHEMES and (len(truth) < N_FOLDS or n_types < 2):
        message = (
            f"{dataset}: scheme {scheme} needs at least {N_FOLDS} labelled cells of at least 2 types, "
            f"found {len(truth)} cells of {n_types} types"
        )
        raise DataError(message)
    splitter = StratifiedKFold if scheme == "cv5" else KFold
    random_state = derive_seed("split", dataset, scheme, seed)
    folds = splitter(N_FOLDS, shuffle=True, random_state=random_state)
    return list(folds.split(np.zeros(len(truth)), truth))


@dataclass
class _Groups:
    """What became of the groups: `names` and `unseen` query cells of those that make a fold, cells of the others."""

    names: list[str] = field(default_factory=list)
    unseen: list[int] = field(default_factory=list)
    without_fold: dict[str, int] = field(default_factory=dict)
    unseen_without_fold: int = 0


def _leave_one_out(
    truth: np.ndarray, rows: np.ndarray, obs: pd.DataFrame, dataset: str, scheme: str
) -> tuple[list[tuple[np.ndarray, np.ndarray]], _Groups]:
    column = GROUP_COLUMNS[scheme]
    if column not in obs.columns:
        message = (
            f"{dataset}: scheme {scheme} groups cells by obs[{column!r}], "
            f"which is not among its columns: {', '.join(obs.columns) or 'none'}"
        )
        raise DataError(message)
    of_row = obs[column].astype(str).to_numpy()[rows]
    names = sorted(set(of_row))
    if len(names) < 2:
        message = f"{dataset}: scheme {scheme} needs at least 2 groups in obs[{column!r}], found {names}"
        raise DataError(message)
    folds, groups = [], _Groups()
    for name in names:
        train = np.flatnonzero(of_row != name)
        query = np.flatnonzero(of_row == name)
        seen = np.isin(truth[query], truth[train])
        if seen.sum() <= MIN_CELLS_EXCLUSIVE or len(set(truth[train])) < 2:
            groups.without_fold[name] = len(query)  # too few to ask, or nothing to choose from
            groups.unseen_without_fold += int((~seen).sum())
            continue
        folds.append((train, query[seen]))
        groups.names.append(name)
        groups.unseen.append(int((~seen).sum()))
    if not folds:
        message = (
            f"{dataset}: scheme {scheme} makes no fold: no group of obs[{column!r}] has more than "
            f"{MIN_CELLS_EXCLUSIVE} cells of types that the others have, or the others have a single type"
        )
        raise DataError(message)
    return folds, groups


def write_split(split: Split, directory: str | Path) -> None:
    """Write rows.parquet, train_labels.parquet, solution.parquet and split.json under `directory`."""
    folder = Path(directory)
    tables = {
        "rows": split.rows,
        "train_labels": split.part("train"),
        "solution": split.solution(),
    }
    for name, table in tables.items():
        with atomic_path(folder / f"{name}.parquet") as path:
            table.to_parquet(path, index=False)
    facts = {key: value for key, value in asdict(split).items() if key not in ("rows", "labels")}
    facts["n_types"] = int(split.labels.nunique())
    facts["n_cells"] = len(split.labels)
    facts["folds"] = split.fold_facts()
    with atomic_path(folder / "split.json") as path:
        path.write_text(json.dumps(facts, indent=1) + "\n")


def read_rows(path: str | Path) -> dict[int, dict[str, np.ndarray]]:
    """Read rows.parquet: fold -> {"train": rows (n,) int64, "query": rows (n,) int64}."""
    table = pd.read_parquet(path)
    return {
        fold: {
            part: table.loc[(table["fold"] == fold) & (table["part"] == part), "row"].to_numpy(np.int64)
            for part in ("train", "query")
        }
        for fold in sorted(table["fold"].unique().tolist())
    }
