"""Text tables of numbers, plain and packed, as data sets come in."""

import csv
import gzip
import io
from pathlib import Path

import numpy as np

from fuzz.cases import Made, WrongAnswerError, require
from fuzz.mutations import BYTES, TEXT, Rng, changed
from fuzz.planted import planted_cells
from fuzz.slow_readers import Unreadable, as_float32
from schash.data.loaders.text_rows import EMPTY_SPELLINGS
from schash.data.loaders.text_tables import Table, read_table

SEEDS = (("csv", ","), ("tsv", "\t"), ("csv.gz", ","), ("r.tsv", "\t"))


class Tables:
    """Cells x genes with a column of text; one seed as R writes it, without a name for the first column."""

    name = "tables"

    def prepare(self, folder: Path) -> None:
        cells = planted_cells()
        for kind, sep in SEEDS:
            first = [] if kind == "r.tsv" else ["cell"]
            lines = [sep.join([*first, "type", *cells.var_names])]
            for name, label, row in zip(
                cells.obs_names, cells.obs["cell_type"], cells.X.toarray(), strict=True
            ):
                lines.append(sep.join([name, str(label), *(f"{value:g}" for value in row)]))
            data = ("\n".join(lines) + "\n").encode()
            (folder / f"t.{kind}").write_bytes(gzip.compress(data, mtime=0) if kind.endswith("gz") else data)

    def load(self, folder: Path) -> None:
        self.folder = folder
        for kind, sep in SEEDS:
            self._compared(folder / f"t.{kind}", sep)

    def make(self, rng: Rng, folder: Path) -> Made:
        kind, sep = SEEDS[int(rng.integers(len(SEEDS)))]
        data = (self.folder / f"t.{kind}").read_bytes()
        path = folder / f"table{'T' if sep != ',' else 'C'}.{kind}"
        if kind.endswith("gz") and rng.random() < 0.5:
            data, how = changed(rng, data, BYTES)
        else:
            data, how = changed(
                rng, gzip.decompress(data) if kind.endswith("gz") else data, (*TEXT, *TEXT, *BYTES)
            )
            data = gzip.compress(data, mtime=0) if kind.endswith("gz") else data
        path.write_bytes(data)
        return Made(path, f"{kind}: {how}")

    def judge(self, made: Made) -> str:
        return self._compared(made.path, "," if made.path.name.startswith("tableC") else "\t")

    def _compared(self, path: Path, sep: str) -> str:
        table = read_table(path, where=str(path), sep=sep, text_columns=["type"], values="counts")
        try:
            right = slow_table(path, sep)
        except (Unreadable, ValueError, IndexError, OSError, EOFError, csv.Error) as error:
            message = f"accepted, but not by the slow reader: {type(error).__name__}: {error}"
            raise WrongAnswerError(message) from None
        compare_tables(table, right)
        return "read"


def compare_tables(table: Table, right: tuple[np.ndarray, list[str], list[str], list[str]]) -> None:
    X, rows, columns, labels = right
    require(table.X.shape == X.shape, f"shape {table.X.shape} for {X.shape}")
    require(np.array_equal(table.X.toarray(), X), "other values")
    require(table.rows == rows, f"rows {table.rows} for {rows}"[:500])
    require(table.columns == columns, f"columns {table.columns} for {columns}"[:500])
    require(list(table.text["type"]) == labels, f"texts {list(table.text['type'])} for {labels}"[:500])


def slow_table(path: Path, sep: str) -> tuple[np.ndarray, list[str], list[str], list[str]]:
    """By Python's csv, field by field: (values, row names, column names, labels)."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    rows = [
        fields for fields in csv.reader(io.StringIO(text, newline=""), delimiter=sep, strict=True) if fields
    ]
    head, body = rows[0], [row for row in rows[1:] if len(row) > 1 or row[0].strip(" ")]  # no blank lines
    if body and len(body[0]) == len(head) + 1:
        head = ["", *head]
    at = head.index("type")
    numbers = [i for i in range(1, len(head)) if i != at]
    X = np.zeros((len(body), len(numbers)))
    for i, row in enumerate(body):
        if len(row) != len(head):
            message = f"row {i} has {len(row)} fields"
            raise Unreadable(message)
        for j, column in enumerate(numbers):
            X[i, j] = _number(row[column])
    return as_float32(X), [row[0] for row in body], [head[i] for i in numbers], [row[at] for row in body]


def _number(text: str) -> float:
    plain = text.strip(" \t")
    if plain in EMPTY_SPELLINGS or "_" in plain or not plain.isascii():
        message = f"no number: {text!r}"
        raise Unreadable(message)
    value = float(np.float32(float(plain)))
    if not np.isfinite(value) or value < 0 or value != int(value):
        message = f"no count: {text!r}"
        raise Unreadable(message)
    return value
