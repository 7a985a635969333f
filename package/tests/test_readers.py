"""Text tables in blocks: the same numbers as pandas reads whole, however they are cut; and faults are named."""

import gzip
import io
import re
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from schash.data.cells import make_cells, read_cells
from schash.data.loaders import load_dataset, text_rows, text_tables
from schash.data.loaders.matrices import shared_of, union_of
from schash.data.loaders.text_tables import Table, read_table
from schash.data.prepare import prepare
from schash.data.registry import load_registry
from schash.errors import DataError, OutputError

BLOCKS = (1, 40, 333, 1 << 24)


@pytest.fixture(params=BLOCKS)
def block(request, monkeypatch):
    """Bytes of text that are parsed at once."""
    monkeypatch.setattr(text_tables, "BYTES_PER_BLOCK", request.param)
    return request.param


def counts_frame(rng, n_cells=60, n_genes=17, density=0.3):
    """Cells x genes with empty cells, empty genes, and names with spaces, commas and quotes."""
    X = rng.integers(1, 3000, (n_cells, n_genes)) * (rng.random((n_cells, n_genes)) < density)
    X[[0, n_cells // 2, n_cells - 1]] = 0
    X[:, 3] = 0
    cells = [f"cell {i}, plate {i % 3}" for i in range(n_cells)]
    genes = [f'gene "{i}"' if i % 5 == 0 else f"MT-{i}" for i in range(n_genes)]
    return pd.DataFrame(X, index=cells, columns=genes)


def read(text, **kwargs):
    content = text if isinstance(text, bytes) else text.encode()
    return read_table(io.BytesIO(content), where="t.csv", **kwargs)


def assert_same(table, frame):
    np.testing.assert_array_equal(table.X.toarray(), frame.to_numpy(np.float32))
    assert table.rows == list(frame.index)
    assert table.columns == list(frame.columns)
    assert table.X.dtype == np.float32
    assert table.X.has_canonical_format
    assert table.X.nnz == np.count_nonzero(frame.to_numpy())


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("sep", [",", "\t"])
def test_the_numbers_of_pandas(rng, block, ending, mark, sep):
    frame = counts_frame(rng)
    text = frame.to_csv(sep=sep, lineterminator=ending, quoting=2)  # names quoted, numbers not: as R writes
    twin = pd.read_csv(io.StringIO(text), index_col=0, sep=sep)
    assert_same(read(mark + text.encode(), sep=sep, values="counts"), twin)


def test_a_header_that_leaves_out_the_first_name(rng, block):
    frame = counts_frame(rng)
    text = frame.to_csv(quoting=2).replace('"",', "", 1)
    assert_same(read(b"\xef\xbb\xbf" + text.encode()), frame)


@pytest.mark.parametrize("ending", ["", "\n", "\n\n\n", "\r\n\r\n"])
def test_the_last_line_may_or_may_not_end(rng, block, ending):
    frame = counts_frame(rng, 9, 4)
    assert_same(read(frame.to_csv(quoting=2).rstrip("\n") + ending), frame)


def test_gz_and_plain_files(rng, block, tmp_path):
    frame = counts_frame(rng, 12)
    (tmp_path / "t.csv").write_text(frame.to_csv())
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(frame.to_csv().encode()))
    for name in ("t.csv", "t.csv.gz"):
        assert_same(read_table(tmp_path / name, where=name), frame)


def test_text_columns_stay_beside_the_numbers(rng, block):
    frame = counts_frame(rng, 30)
    text = [f"type {i % 4}" if i % 3 else "NA" for i in range(30)]
    with_text = frame.copy()
    with_text.insert(0, "label", text)
    with_text.insert(9, "donor", "d, 1")
    table = read(with_text.to_csv(quoting=2), text_columns=("donor", "label"))
    assert_same(table, frame)
    assert list(table.text["label"]) == text
    assert set(table.text["donor"]) == {"d, 1"}


def test_numbers_are_the_nearest_of_float32():
    # just below the middle of two neighbours of float32: by way of float64 it would become the other one
    texts = ["0.1", "16777215", "-2.5", "1e-3", "3.4028235e38", "1.00000017881393432617187499"]
    expected = np.float32([0.1, 16777215, -2.5, 1e-3, 3.4028235e38, 1 + 2**-23])
    table = read(
        "," + ",".join(f"G{i}" for i in range(6)) + "\na," + ",".join(texts) + "\n", values="corrected"
    )
    np.testing.assert_array_equal(table.X.toarray()[0], expected)


def test_only_a_block_is_parsed_at_once(rng, monkeypatch):
    monkeypatch.setattr(text_tables, "BYTES_PER_BLOCK", 2000)
    text = counts_frame(rng, 300).to_csv()
    longest = max(len(line) + 1 for line in text.encode().splitlines())
    sizes, asked = [], []
    parsed = text_tables._Reader.parsed

    def spy(self, block):
        sizes.append(len(block))
        return parsed(self, block)

    class Handle(io.BytesIO):
        def read(self, size=-1):
            asked.append(size)
            return super().read(size)

    monkeypatch.setattr(text_tables._Reader, "parsed", spy)
    read_table(Handle(text.encode()), where="t.csv")
    assert max(sizes) <= 2000 + longest
    assert sum(sizes) == len(text.encode()) - text.index("\n") - 1
    assert len(sizes) > 5
    assert set(asked) == {2000}, "the file must be read in blocks too"


@pytest.mark.parametrize("at_once", [3, 64, 1 << 20])
def test_numbers_are_parsed_in_any_pieces(rng, monkeypatch, at_once):
    monkeypatch.setattr(text_rows, "PARSED_AT_ONCE", at_once)
    frame = counts_frame(rng, 30).clip(upper=99)  # a number must fit into a piece
    frame.insert(4, "label", "x, y")
    text = frame.to_csv(quoting=2)
    assert_same(read(text, text_columns=("label",)), frame.drop(columns="label"))
    for text in (",G1\na,\n", ",G1,G2,G3\na,1,,\n", ",G1,G2\na,,\nb,,\n"):
        with pytest.raises(DataError, match=r"row 1 \('a'\), column 'G[12]': came an empty field"):
            read(text)


def test_quoted_numbers_and_quotes_within_a_name(block):
    table = read('n\ta\tb\n5"x\t"1"\t2\n"y""z"\t3\t"4"\n', sep="\t")
    assert table.rows == ['5"x', 'y"z']
    np.testing.assert_array_equal(table.X.toarray(), [[1, 2], [3, 4]])


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_table_of_names_alone(block, ending):
    table = read(ending.join(["name,type", "a,x", "b,y", ""]), text_columns=("type",))
    assert (table.rows, list(table.text["type"]), table.X.shape) == (["a", "b"], ["x", "y"], (2, 0))


WIDE = """
import io
from schash.data.loaders.text_tables import read_table
from schash.timing import measured, peak_mb
n = 45_000
lines = [",".join(f"G{i}" for i in range(n)), *("c" + ",0" * n for _ in range(90)), ""]
text = io.BytesIO("\\n".join(lines).encode())
with measured():
    before = peak_mb()
with measured() as measurement:
    assert read_table(text, where="t.csv").X.shape == (90, n)
print(measurement.peak_mb - before)
"""


def test_the_width_of_a_table_costs_no_memory():
    """8 MB of text in 45,000 columns; with a buffer for every column it would be some 500 MB."""
    grown = subprocess.run([sys.executable, "-c", WIDE], capture_output=True, text=True, check=True).stdout
    assert float(grown) < 200


# ---- what is no table ----

ROWS = [f"c{i},1,2,3" for i in range(20)]


def faulty(line, at=12):
    """Twenty rows of which one is `line`."""
    return "\n".join([",G1,G2,G3", *ROWS[:at], line, *ROWS[at + 1 :]]) + "\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("c12,1,2", r"row 13 \('c12'\): came 3 fields, expected 4 columns"),
        ("c12,1,2,3,4", r"row 13 \('c12'\): came 5 fields, expected 4 columns"),
        ("c12,1,x,3", r"row 13 \('c12'\), column 'G2': came 'x', expected a number"),
        ("c12,1,2,1 000", r"row 13 \('c12'\), column 'G3': came '1 000', expected a number"),
        ("c12,1,,3", r"row 13 \('c12'\), column 'G2': came an empty field"),
        ("c12,1,NA,3", r"row 13 \('c12'\), column 'G2': came an empty field"),
        ("c12,1,2,inf", r"row 13 \('c12'\), column 'G3': came inf, expected a"),
        (
            "c12,-1,2,3",
            r"row 13 \('c12'\), column 'G1': came -1, expected an integer of at least 0 \(values: counts",
        ),
        ("c12,1,2,0.5", r"row 13 \('c12'\), column 'G3': came 0.5, expected an integer of at least 0"),
    ],
)
def test_faults_are_named_by_file_row_and_column(block, line, words):
    with pytest.raises(DataError, match=rf"^t\.csv: .*{words}"):
        read(faulty(line), values="counts")


def test_the_kind_of_the_values_decides_what_is_wrong(block):
    assert read(faulty("c12,-1.5,2,3"), values="corrected").X[12, 0] == -1.5
    assert read(faulty("c12,-1.5,2,3")).X[12, 0] == -1.5
    assert read(faulty("c12,1.5,2,3"), values="noninteger").X[12, 0] == 1.5
    with pytest.raises(
        DataError, match=r"row 13 \('c12'\), column 'G1': came -1.5, expected a number of at least 0"
    ):
        read(faulty("c12,-1.5,2,3"), values="noninteger")
    for values in (None, "corrected", "noninteger"):
        with pytest.raises(DataError, match=r"column 'G2': came an empty field"):
            read(faulty("c12,1,,3"), values=values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('n,a,b\nq,1,2\n"x\ny",1,2\nz,3,4\n', r"row 2 \('\"x'\): a quote must be closed"),
        ('n,a,b\n"x\ny",1,2\nz,3,4\n', r"its header or row 1: a quote must be closed"),
        ('n,"a\nb",c\nx,1,2\n', r"its header or row 1: a quote must be closed"),
        ('n,a,b\nq,1,2\n"x"y,1,2\n', r"row 2 \('\"x\"y,1,2'\): a quote must be closed"),
        ('n,a,b\nq,1,2\nx,"1\n",2\n', r"row 2 \('x,\"1'\): a quote must be closed"),
        ('n,a,b\nq,1,2\nx,"1,5",2\n', r"row 2 \('x'\), column 'a': came '1,5', expected a number"),
        ('n,a,b\nq,1,2\nx,"1,5"\n', r"row 2 \('x'\): came 2 fields, expected 3 columns"),
        ("n,a,b\nq,1,2\nx,1\r2,2\n", r"row 2 \('x,1\\r2,2'\): .*no field may hold a line break"),
    ],
)
def test_line_breaks_and_quotes_that_are_no_part_of_a_field(block, text, words):
    with pytest.raises(DataError, match=rf"^t\.csv: cannot be read as a table: {words}"):
        read(text)


def test_a_blank_line_is_no_row_wherever_a_block_ends(block):
    table = read("n\ta\nx\t1\n   \n\r\ny\t2\n\n", sep="\t")
    assert table.rows == ["x", "y"]
    with pytest.raises(DataError, match=r"row 2 \(''\), column 'a': came an empty field"):
        read("n\ta\nx\t1\n\t\ny\t2\n", sep="\t")


def test_a_line_that_is_no_cell_is_named(block):
    with pytest.raises(DataError, match=r"row 1 \('TYPE'\), column 'X': came 'numeric', expected a number"):
        read("NAME,X,Y\nTYPE,numeric,numeric\nc1,1,2\n")


@pytest.mark.parametrize("text", [b"", b",G1\n", b",G1\n\n", b"\xff\xfe,G1\na,1\n", b",G1\na\xff,1\n"])
def test_no_table_at_all(block, text):
    with pytest.raises(DataError, match=r"^t\.csv: cannot be read as a table"):
        read(text)


def test_a_truncated_gz(rng, block, tmp_path):
    whole = gzip.compress(counts_frame(rng, 200).to_csv().encode())
    path = tmp_path / "t.csv.gz"
    for content in (whole[:-9], whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=re.escape(f"{path}: cannot be read as a table")):
            read_table(path, where=str(path))


# ---- what is not copied ----


def test_a_single_table_is_not_copied_by_a_join(rng):
    frame = counts_frame(rng)
    table = read(frame.to_csv())
    for join in (shared_of, union_of):
        X, genes = join([table])
        assert np.shares_memory(X.data, table.X.data)
        assert genes == table.columns


def test_joins_against_pandas(rng):
    frames = [
        counts_frame(rng, n, 9).rename(columns=lambda name, k=n: name.replace("MT-7", f"own-{k}"))
        for n in (5, 8)
    ]
    frames[1] = frames[1].iloc[:, ::-1]
    tables = [
        Table(sp.csr_matrix(f.to_numpy(np.float32)), list(f.index), list(f.columns), f[[]]) for f in frames
    ]
    for join, how in ((shared_of, "inner"), (union_of, "outer")):
        X, genes = join(tables)
        twin = pd.concat(frames, join=how).fillna(0)[genes]
        np.testing.assert_array_equal(X.toarray(), twin.to_numpy(np.float32))


def test_cells_are_made_without_a_copy_where_nothing_changes(rng):
    X = sp.csr_matrix(counts_frame(rng).to_numpy(np.float32))
    names = [[f"n{i}" for i in range(size)] for size in X.shape]
    kwargs = {"labels": [None] * X.shape[0], "dataset": "d", "values": "counts"}
    assert np.shares_memory(make_cells(X, *names, **kwargs).cells.X.data, X.data)
    for data, indices in (([1, 0, 2], [0, 1, 2]), ([1, 3, 2], [2, 0, 1]), ([1, 3, 2], [1, 1, 2])):
        given = sp.csr_matrix((np.float32(data), np.int32(indices), np.int32([0, 3])), shape=(1, 3))
        made = make_cells(given, ["a"], list("xyz"), labels=[None], dataset="d", values="counts").cells.X
        np.testing.assert_array_equal(made.toarray(), given.toarray())
        assert made.has_canonical_format
        assert made.data.all()
        np.testing.assert_array_equal(given.data, data)
        np.testing.assert_array_equal(given.indices, indices)


# ---- the archive's tables ----


def zenodo(tmp_path, frame, *, expect=None, values="counts", data=None, labels=None):
    """A data set of the archive, in a folder with a space, with Windows' line ends and a byte-order mark."""
    path = tmp_path / "z.zip"
    text = frame.to_csv(quoting=2, lineterminator="\r\n") if data is None else data
    names = labels or [f"type {i % 2}" for i in range(len(frame))]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Zheng 68K/Filtered data.csv", b"\xef\xbb\xbf" + text.encode())
        archive.writestr("Zheng 68K/Labels.csv", b"\xef\xbb\xbf" + "\r\n".join(['"x"', *names, ""]).encode())
    source = {
        "title": "s", "version": "1", "licence": "CC0", "citation": [{"key": "k", "text": "t"}],
        "files": [{"name": "z.zip", "manual": "written by the test"}],
    }  # fmt: skip
    parts = [{"data": "Zheng 68K/Filtered data.csv", "labels": "Zheng 68K/Labels.csv"}]
    row = {"source": "s", "loader": "zenodo_csv", "options": {"file": "z.zip", "parts": parts},
           "values": values, "expect": expect or {}}  # fmt: skip
    return load_registry({"sources": {"s": source}, "datasets": {"tiny": row}}).dataset("tiny"), {
        "z.zip": path
    }


def test_a_table_of_the_archive_is_prepared(rng, block, tmp_path):
    frame = counts_frame(rng)
    row, files = zenodo(tmp_path, frame, expect={"cells": 60, "genes": 17, "types": 2})
    facts = prepare(row, files, cells=tmp_path / "c.h5ad", labels=tmp_path / "l.parquet")
    cells = read_cells(tmp_path / "c.h5ad")
    np.testing.assert_array_equal(cells.X.toarray(), frame.to_numpy())
    assert list(cells.obs_names) == list(frame.index)
    assert facts["total"] == frame.to_numpy().sum()
    assert facts["nonzeros_per_cell"] == pytest.approx(np.count_nonzero(frame.to_numpy()) / 60)


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ({"cells": 61}, "cells: expected 61, came 60"),
        ({"genes": 18}, "genes: expected 18, came 17"),
        ({"types": 3}, "types: expected 3, came 2"),
        ({"total": 5}, r"total: expected 5\.0, came"),
    ],
)
def test_another_shape_is_an_error_and_leaves_no_cells(rng, tmp_path, expect, words):
    row, files = zenodo(tmp_path, counts_frame(rng), expect=expect)
    with pytest.raises(DataError, match=words):
        prepare(row, files, cells=tmp_path / "out" / "c.h5ad", labels=tmp_path / "out" / "l.parquet")
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("fails", ["labels", "cells"])
def test_what_cannot_be_written_leaves_both_files_as_they_were(rng, tmp_path, monkeypatch, fails):
    row, files = zenodo(tmp_path, counts_frame(rng))
    paths = {"cells": tmp_path / "out" / "c.h5ad", "labels": tmp_path / "out" / "l.parquet"}

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"schash.data.prepare.{'write_labels' if fails == 'labels' else 'write_loaded'}", full)
        with pytest.raises(OutputError, match="No space left"):
            prepare(row, files, **paths)
    assert not list(tmp_path.glob("out/*"))
    prepare(row, files, **paths)
    before = {name: path.read_bytes() for name, path in paths.items()}
    row, files = zenodo(tmp_path, counts_frame(rng, 50), expect={"cells": 60})
    with pytest.raises(DataError, match="cells: expected 60, came 50"):
        prepare(row, files, **paths)
    row, files = zenodo(tmp_path, counts_frame(rng, 50))
    monkeypatch.setattr(
        f"schash.data.prepare.{'write_labels' if fails == 'labels' else 'write_loaded'}", full
    )
    with pytest.raises(OutputError, match="No space left"):
        prepare(row, files, **paths)
    assert {name: path.read_bytes() for name, path in paths.items()} == before
    assert sorted(path.name for path in tmp_path.glob("out/*")) == ["c.h5ad", "l.parquet"]


def test_a_fault_in_the_archive_names_member_row_and_column(rng, tmp_path):
    row, files = zenodo(tmp_path, None, data=faulty("c12,1,-2,3"), labels=["t"] * 20)
    with pytest.raises(
        DataError, match=r"z\.zip:Zheng 68K/Filtered data\.csv: row 13 \('c12'\), column 'G2': came -2"
    ):
        load_dataset(row, files)


def test_a_damaged_member_of_the_archive(rng, tmp_path):
    row, files = zenodo(tmp_path, counts_frame(rng, 400))
    content = bytearray(files["z.zip"].read_bytes())
    content[len(content) // 2] ^= 0xFF
    files["z.zip"].write_bytes(content)
    with pytest.raises(DataError, match=r"z\.zip"):
        load_dataset(row, files)


@pytest.mark.parametrize("text", ["x\ry", '"x\ry"'])
def test_a_lone_carriage_return_in_a_text_is_a_line_break(text):
    source = io.BytesIO(f"n,t,a\nq,z,1\nr,{text},2\n".encode())
    with pytest.raises(DataError, match=r"w: .*row 2 .*no field may hold a line break"):
        read_table(source, where="w", text_columns=["t"])
