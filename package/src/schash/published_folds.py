"""Folds that a data set was published with, in place of a shuffle of our own."""

from dataclasses import dataclass

import numpy as np

from schash.errors import DataError


@dataclass(frozen=True, eq=False)
class PublishedFolds:
    """Which cells take part, and the cells of each fold among them.

    where : the file that they come from
    kept : (n_cells,) bool, in the order of the data set's cells
    train, test : one array of rows a fold, (n,) int64; row 0 is the first cell that is kept
    """

    where: str
    kept: np.ndarray
    train: tuple[np.ndarray, ...]
    test: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        n_kept = int(self.kept.sum())
        if len(self.train) != len(self.test) or not self.test:
            message = f"{self.where}: {len(self.train)} training sets for {len(self.test)} test sets"
            raise DataError(message)
        for fold, (train, test) in enumerate(zip(self.train, self.test, strict=True), start=1):
            if not _are_all_rows(np.concatenate([train, test]), n_kept):
                message = (
                    f"{self.where}: training and test cells of fold {fold} are not the {n_kept} cells that are kept, "
                    f"each once; found {len(train)} and {len(test)}"
                )
                raise DataError(message)
        if not _are_all_rows(np.concatenate(self.test), n_kept):
            message = f"{self.where}: not every cell that is kept is in the test set of exactly one fold"
            raise DataError(message)

    def of_cells(self, kept: np.ndarray, n_folds: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Training and test rows of each fold, in ascending order, among the cells that are kept.

        kept : (n_cells,) bool, which cells of the data set a scheme keeps

        Raises
        ------
        DataError
            if these are other cells than the folds were made of, or the folds are not `n_folds`
        """
        if len(self.test) != n_folds:
            message = f"{self.where}: has {len(self.test)} folds, expected {n_folds}"
            raise DataError(message)
        if len(self.kept) != len(kept):
            message = f"{self.where}: is of {len(self.kept)} cells, the data set has {len(kept)}"
            raise DataError(message)
        other = np.flatnonzero(self.kept != kept)
        if len(other):
            message = (
                f"{self.where}: keeps {self.kept.sum()} cells, but {kept.sum()} are of types that the scheme keeps; "
                f"{len(other)} cells differ, the first of them is cell {other[0] + 1}"
            )
            raise DataError(message)
        return [(np.sort(train), np.sort(test)) for train, test in zip(self.train, self.test, strict=True)]


def _are_all_rows(rows: np.ndarray, n: int) -> bool:
    return len(rows) == n and np.array_equal(np.sort(rows), np.arange(n))
