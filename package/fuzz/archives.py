"""Zip archives with a table, tar archives with clusters, and published folds in R's own format."""

import csv
import gzip
import io
import tarfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import rdata

from fuzz.cases import Made, WrongAnswerError, require
from fuzz.mutations import BYTES, NUMBERS, TEXT, Rng, changed, pick
from fuzz.planted import planted_cells
from fuzz.slow_readers import Unreadable
from fuzz.tables import compare_tables, slow_table
from schash.data.loaders.cv_folds import read_cv_folds
from schash.data.loaders.matrices import zip_member
from schash.data.loaders.tenx import read_clusters
from schash.data.loaders.text_tables import read_table


class Zips:
    """A table in a zip: changed bytes of the archive, of the table within, or of its list of members."""

    name = "zip"

    def prepare(self, folder: Path) -> None:
        cells = planted_cells()
        rows = [["cell", "type", *cells.var_names]]
        for name, label, row in zip(cells.obs_names, cells.obs["cell_type"], cells.X.toarray(), strict=True):
            rows.append([name, str(label), *(f"{value:g}" for value in row)])
        (folder / "t.csv").write_text("\n".join(",".join(row) for row in rows) + "\n")

    def load(self, folder: Path) -> None:
        self.folder, self.data = folder, (folder / "t.csv").read_bytes()

    def make(self, rng: Rng, folder: Path) -> Made:
        path, table = folder / "cells.zip", self.data
        notes = []
        if rng.random() < 0.3:
            table, how = changed(rng, table, (*TEXT, *BYTES))
            notes.append(f"table {how}")
        name = str(pick(rng, ("t.csv",) * 6 + ("/t.csv", "../t.csv", "t.csv\x00x", "é.csv", "T.CSV")))
        method = int(
            pick(
                rng,
                (
                    zipfile.ZIP_DEFLATED,
                    zipfile.ZIP_DEFLATED,
                    zipfile.ZIP_STORED,
                    zipfile.ZIP_LZMA,
                    zipfile.ZIP_BZIP2,
                ),
            )
        )
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr(name, table)
            if rng.random() < 0.1:
                archive.writestr("zeros", bytes(int(rng.choice([1 << 16, 1 << 24]))))
                notes.append("a bomb beside it")
            if rng.random() < 0.1:
                archive.writestr(name, table[: len(table) // 2])
                notes.append("member twice")
        if rng.random() < 0.7:
            data, how = changed(rng, path.read_bytes(), BYTES)
            path.write_bytes(data)
            notes.append(how)
        return Made(path, f"{name!r} by {method}: {'; '.join(notes)}")

    def judge(self, made: Made) -> str:
        path = made.path
        where = f"{path}:t.csv"
        with zip_member(path, "t.csv") as handle:
            table = read_table(handle, where=where, text_columns=["type"], values="counts")
        plain = path.with_name("slow.csv")
        try:
            with zipfile.ZipFile(path) as archive:
                plain.write_bytes(archive.read("t.csv"))
            right = slow_table(plain, ",")
        except (
            Unreadable,
            ValueError,
            IndexError,
            OSError,
            EOFError,
            csv.Error,
            zipfile.BadZipFile,
        ) as error:
            message = f"accepted, but not by the slow reader: {type(error).__name__}: {error}"
            raise WrongAnswerError(message) from None
        compare_tables(table, right)
        return "read"


class Tars:
    """Cell Ranger's clusters: a csv in a packed tar."""

    name = "clusters"
    table = b"Barcode,Cluster\n" + b"".join(b"cell%d-1,%d\n" % (i, i % 3 + 1) for i in range(24))

    def prepare(self, folder: Path) -> None:
        pass

    def load(self, folder: Path) -> None:
        pass

    def make(self, rng: Rng, folder: Path) -> Made:
        path, table, how = folder / "analysis.tar.gz", self.table, ""
        if rng.random() < 0.5:
            table, how = changed(rng, table, (*TEXT, *BYTES))
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            info = tarfile.TarInfo(
                str(pick(rng, ("clusters.csv", "clusters.csv", "./clusters.csv", "../clusters.csv")))
            )
            info.size = len(table)
            archive.addfile(info, io.BytesIO(table))
        plain = buffer.getvalue()
        if rng.random() < 0.4:
            plain, note = changed(rng, plain, BYTES)
            how += f"; tar {note}"
        packed = gzip.compress(plain, mtime=0)
        if rng.random() < 0.4:
            packed, note = changed(rng, packed, BYTES)
            how += f"; packed {note}"
        path.write_bytes(packed)
        return Made(path, how)

    def judge(self, made: Made) -> str:
        clusters = read_clusters(made.path, "clusters.csv")
        with tarfile.open(made.path) as archive:
            info = next(i for i in archive if i.isfile() and i.name.removeprefix("./") == "clusters.csv")
            handle: Any = archive.extractfile(info)
            text = handle.read().decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        at = [rows[0].index(name) for name in ("Barcode", "Cluster")]
        body = [row + [""] * (len(rows[0]) - len(row)) for row in rows[1:]]
        if any(len(row) != len(rows[0]) for row in rows[1:]):
            raise WrongAnswerError("accepted, with rows of another number of fields")
        require(clusters.to_dict() == {row[at[0]]: row[at[1]] for row in body}, "other clusters")
        return "read"


class Folds:
    """CV_folds.RData, made of changed objects or of changed bytes."""

    name = "rdata"

    def prepare(self, folder: Path) -> None:
        pass

    def load(self, folder: Path) -> None:
        self.objects = folds_objects()

    def make(self, rng: Rng, folder: Path) -> Made:
        path = folder / "CV_folds.RData"
        objects, how, same = folds_objects(), "", True
        if rng.random() < 0.5:
            how, same = change_folds(rng, objects), False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rdata.write_rda(path, objects, compression=pick(rng, ("gzip", "gzip", "bzip2", "xz")))
        if same or rng.random() < 0.3:
            packed = path.read_bytes()
            inner = packed[:2] == b"\x1f\x8b" and rng.random() < 0.7
            data, note = changed(rng, gzip.decompress(packed) if inner else packed, BYTES)
            path.write_bytes(gzip.compress(data, mtime=0) if inner else data)
            how += f"; bytes {note}"
        return Made(path, how)

    def judge(self, made: Made) -> str:
        with made.path.open("rb") as handle:
            folds = read_cv_folds(handle, where=str(made.path), column=1)
        n = sum(bool(cell) for cell in folds.kept)
        require(len(folds.train) == len(folds.test), "as many training sets as test sets")
        for train, test in zip(folds.train, folds.test, strict=True):
            require(sorted([*map(int, train), *map(int, test)]) == list(range(n)), "a fold is no partition")
        require(
            sorted(int(row) for test in folds.test for row in test) == list(range(n)), "cells tested once"
        )
        return "read"


def folds_objects() -> dict[str, Any]:
    n = 20
    test = [np.arange(fold, n, 5) for fold in range(5)]
    train = [np.setdiff1d(np.arange(n), rows) for rows in test]
    return {
        "n_folds": np.array([5.0]),
        "Train_Idx": [np.int32(rows + 1) for rows in train],
        "Test_Idx": [np.int32(rows + 1) for rows in test],
        "col_Index": np.array([1.0]),
        "Cells_to_Keep": np.array([True] * n + [False] * 2),
    }


def change_folds(rng: Rng, objects: dict[str, Any]) -> str:
    name = str(pick(rng, list(objects)))
    way = int(rng.integers(6))
    if way == 0:
        del objects[name]
    elif way == 1:
        objects[name] = pick(
            rng,
            (
                np.array([np.nan]),
                np.array([]),
                "text",
                np.array(["a", "b"]),
                np.array([1 + 2j]),
                [np.array([1])],
                np.array([[1, 2]]),
            ),
        )
    elif way == 2 and isinstance(objects[name], list):
        objects[name] = objects[name][:-1]
    elif way == 3 and isinstance(objects[name], list):
        objects[name][0] = objects[name][1]
    elif way == 4 and isinstance(objects[name], list):
        rows = objects[name][int(rng.integers(5))].astype(np.float64)
        rows[int(rng.integers(len(rows)))] = float(pick(rng, NUMBERS))
        objects[name][0] = rows
    else:
        objects[name] = objects[name][::-1]
    return f"{name} ({way})"
