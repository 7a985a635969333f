"""10x folders: matrix.mtx, features.tsv (genes.tsv of Cell Ranger 2) and barcodes.tsv, packed or not."""

import gzip
import shutil
from pathlib import Path

import numpy as np

from fuzz.cases import Made, WrongAnswerError, attempt, require
from fuzz.h5ad import compare
from fuzz.mutations import BYTES, INTERESTING, TEXT, TEXTS, Rng, changed, pick
from fuzz.planted import planted_cells
from fuzz.slow_readers import Unreadable
from fuzz.tenx import unlike
from schash.errors import SchashError
from schash.user.files import check_values, read_user_cells
from schash.user.streams import open_cells

SEEDS = ("v2", "v3")


def write_folder(folder: Path, version: str) -> None:
    cells = planted_cells()
    X = cells.X.tocoo()
    lines = [
        f"{gene + 1} {cell + 1} {int(value)}" for cell, gene, value in zip(X.row, X.col, X.data, strict=True)
    ]
    head = ["%%MatrixMarket matrix coordinate integer general", "%", f"{X.shape[1]} {X.shape[0]} {X.nnz}"]
    kind = "\tGene Expression" if version == "v3" else ""
    features = [f"{i}\t{name}{kind}" for name, i in zip(cells.var_names, cells.var["gene_ids"], strict=True)]
    files = {
        "matrix.mtx": head + lines,
        ("features" if version == "v3" else "genes") + ".tsv": features,
        "barcodes.tsv": list(cells.obs_names),
    }
    folder.mkdir()
    for name, rows in files.items():
        data = ("\n".join(rows) + "\n").encode()
        (folder / (name + ".gz" if version == "v3" else name)).write_bytes(
            gzip.compress(data, mtime=0) if version == "v3" else data
        )


def change_matrix(rng: Rng, data: bytes) -> tuple[bytes, str]:
    """A number of the header or of an entry, or the kind of matrix."""
    lines = data.decode().splitlines()
    way = int(rng.integers(4))
    if way == 0:
        words = lines[0].split()
        words[int(rng.integers(1, 5))] = str(
            pick(
                rng,
                (
                    "array",
                    "real",
                    "complex",
                    "pattern",
                    "symmetric",
                    "skew-symmetric",
                    "hermitian",
                    "vector",
                    "double",
                    "general",
                    "integer",
                ),
            )
        )
        lines[0] = " ".join(words)
    else:
        i = 2 if way == 1 else int(rng.integers(3, len(lines)))
        words = lines[i].split()
        words[int(rng.integers(3))] = str(
            pick(rng, INTERESTING)
            if rng.random() < 0.7
            else pick(rng, ("1.5", "nan", "inf", "-1", "1e400", "x", ""))
        )
        lines[i] = " ".join(words)
    return ("\n".join(lines) + "\n").encode(), f"matrix ({way})"


def change_names(rng: Rng, data: bytes) -> tuple[bytes, str]:
    """A field of a table of names becomes an odd text, or the same as another."""
    rows = [line.split("\t") for line in data.decode().split("\n")[:-1]]
    row = rows[int(rng.integers(len(rows)))]
    field = int(rng.integers(len(row)))
    row[field] = str(pick(rng, TEXTS)) if rng.random() < 0.8 else rows[0][field]
    return ("\n".join("\t".join(row) for row in rows) + "\n").encode(), f"name {row[field][:20]!r}"


class Mtx:
    """Read whole, by two ways."""

    name = "mtx"

    def prepare(self, folder: Path) -> None:
        for seed in SEEDS:
            write_folder(folder / seed, seed)

    def load(self, folder: Path) -> None:
        self.folder = folder
        for seed in SEEDS:
            self.judge(Made(folder / seed, "none", same=True))

    def make(self, rng: Rng, folder: Path) -> Made:
        target = folder / "cells10x"
        seed = SEEDS[int(rng.integers(len(SEEDS)))]
        shutil.copytree(self.folder / seed, target)
        files = sorted(target.iterdir())
        path = files[int(rng.integers(len(files)))]
        if rng.random() < 0.05:
            path.unlink()
            return Made(target, f"{seed}: without {path.name}")
        packed = path.read_bytes()
        if path.suffix == ".gz" and rng.random() < 0.3:
            data, how = changed(rng, packed, BYTES)
            path.write_bytes(data)
            return Made(target, f"{seed}: {path.name}: packed {how}")
        data = gzip.decompress(packed) if path.suffix == ".gz" else packed
        if rng.random() < 0.5:
            data, how = changed(rng, data, (*TEXT, *BYTES))
        else:
            data, how = (change_matrix if "matrix" in path.name else change_names)(rng, data)
        path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
        return Made(target, f"{seed}: {path.name}: {how}")

    def judge(self, made: Made) -> str:
        path = made.path
        answers = [attempt(lambda: self._whole(path), path), attempt(lambda: self._blocks(path), path)]
        found = [answer for answer in answers if not isinstance(answer, SchashError)]
        if not found:
            require(not made.same, f"the same content is refused: {answers[0]}")
            raise answers[0]
        require(len(found) == 2, "one way reads it, the other does not")
        try:
            X, barcodes, genes = slow_folder(path)
        except (Unreadable, ValueError, IndexError, OSError, EOFError) as error:
            message = f"accepted, but not by the slow reader: {type(error).__name__}: {error}"
            raise WrongAnswerError(message) from None
        for answer in found:
            compare((answer[0], answer[1], genes), (X, barcodes, genes))
            require(unlike(answer[2], genes), f"names of genes: {answer[2]} for {genes}"[:600])
        return "read"

    def _whole(self, path: Path) -> tuple[np.ndarray, list[str], list[str]]:
        cells = read_user_cells(path)
        check_values(cells.X, "counts", where=str(path))
        return cells.X.toarray(), list(cells.adata.obs_names), list(cells.var.index)

    def _blocks(self, path: Path) -> tuple[np.ndarray, list[str], list[str]]:
        cells = open_cells(path)
        blocks = list(cells.blocks("counts"))
        X = np.concatenate([block.toarray() for _, block in blocks])
        return X, [name for names, _ in blocks for name in names], list(cells.var.index)


def slow_folder(path: Path) -> tuple[np.ndarray, list[str], list[str]]:
    """Line by line, as the format is published (https://math.nist.gov/MatrixMarket/formats.html)."""
    texts = {}
    for file in path.iterdir():
        data = file.read_bytes()
        texts[file.name.removesuffix(".gz")] = (
            gzip.decompress(data) if file.suffix == ".gz" else data
        ).decode()
    lines = [line for line in texts["matrix.mtx"].replace("\r\n", "\n").split("\n") if line.strip()]
    banner = lines[0].lower().split()
    if banner[:2] != ["%%matrixmarket", "matrix"] or banner[4] not in (
        "general",
        "symmetric",
        "skew-symmetric",
    ):
        message = f"banner {banner}"
        raise Unreadable(message)
    body = [line.split() for line in lines[1:] if not line.startswith("%")]
    n_genes, n_cells = int(body[0][0]), int(body[0][1])
    if n_genes * n_cells > 10_000_000:
        message = "larger than any of these"
        raise Unreadable(message)
    X = np.zeros((n_cells, n_genes), dtype=np.float64)
    if banner[2] == "array":
        numbers = iter([float(words[0]) for words in body[1:]])
        for cell in range(n_cells):
            for gene in range(n_genes):
                X[cell, gene] = next(numbers)
    elif len(body) - 1 != int(body[0][2]):
        message = "number of entries"
        raise Unreadable(message)
    else:
        _fill(X, body[1:], banner)
    names = texts["features.tsv"] if "features.tsv" in texts else texts["genes.tsv"]
    genes = [line.split("\t")[1] for line in _lines(names)]
    barcodes = [line.split("\t")[0] for line in _lines(texts["barcodes.tsv"])]
    kinds = [line.split("\t")[2] for line in _lines(names)] if "features.tsv" in texts else []
    if kinds:
        kept = [i for i, kind in enumerate(kinds) if kind == "Gene Expression"]
        X, genes = X[:, kept], [genes[i] for i in kept]
    return X.astype(np.float32), barcodes, genes


def _fill(X: np.ndarray, entries: list[list[str]], banner: list[str]) -> None:
    for words in entries:
        if len(words) != (2 if banner[3] == "pattern" else 3):
            message = f"entry {words}"
            raise Unreadable(message)
        gene, cell = (int(float(word)) - 1 for word in words[:2])  # 5. is 5
        if not (0 <= gene < X.shape[1] and 0 <= cell < X.shape[0]):
            message = "an entry outside"
            raise Unreadable(message)
        value = 1.0 if banner[3] == "pattern" else float(words[2])
        X[cell, gene] += value
        if banner[4] != "general" and gene != cell:
            X[gene, cell] += value if banner[4] == "symmetric" else -value


def _lines(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines
