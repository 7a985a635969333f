"""Shekhar, Plass and Tabula Muris: their files in small, with the names and formats of the originals."""

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest
from written_files import damage, dataset, zipped

from schash.data.loaders import load_dataset
from schash.data.registry import Expect, load_registry
from schash.errors import ConfigError, DataError

REGISTRY = load_registry(Path(__file__).parents[2] / "config" / "datasets.yaml")


def load(name, files):
    """Cells of a row of the registry, whatever number it expects."""
    row = REGISTRY.dataset(name).model_copy(update={"expect": Expect()})
    return load_dataset(row, files)


# ---- Shekhar ----

COUNTS, CLUSTERS = "GSE81904_BipolarUMICounts_Cell2016.txt.gz", "clust_retinal_bipolar.txt"
RETINA = "\n".join(
    [
        "Bipolar1_AAAACCCCGGGG\tBipolar4_AAAACCCCGGGG\tBipolar5_TTTTCCCCGGGG\tBipolar6_AAAACCCCGGGT",
        "0610007P14RIK\t1\t0\t2\t9",
        "Prkca\t0\t3\t0\t9",
        "",
    ]
)
OF_CELLS = "\n".join(
    [
        "NAME\tCLUSTER\tSUB-CLUSTER",
        "TYPE\tgroup\tgroup",
        "Bipolar5_TTTTCCCCGGGG\tDoublets/Contaminants\tDoublets/Contaminants",
        "Bipolar1_AAAACCCCGGGG\tRBC (Rod Bipolar cell)\tRBC (Rod Bipolar cell)",
        "Bipolar4_AAAACCCCGGGG\tBC1A\tBC1A",
        "",
    ]
)


def shekhar(tmp_path, counts=RETINA, clusters=OF_CELLS, **options):
    (tmp_path / COUNTS).write_bytes(gzip.compress(counts.encode()))
    (tmp_path / CLUSTERS).write_bytes(clusters.encode())
    files = {name: tmp_path / name for name in (COUNTS, CLUSTERS)}
    if not options:
        return load("shekhar", files)
    row = REGISTRY.dataset("shekhar")
    return load_dataset(dataset("shekhar", row.options | options, files=files), files)


def test_retinal_cells_that_have_a_cluster(tmp_path):
    loaded = shekhar(tmp_path)
    cells = loaded.cells
    assert list(cells.obs_names) == [
        "Bipolar1_AAAACCCCGGGG",
        "Bipolar4_AAAACCCCGGGG",
        "Bipolar5_TTTTCCCCGGGG",
    ]
    np.testing.assert_array_equal(cells.X.toarray(), [[1, 0], [0, 3], [2, 0]])
    assert list(cells.var_names) == ["0610007P14RIK", "Prkca"]
    assert list(cells.obs["batch"]) == ["1", "1", "2"]
    assert list(cells.obs["replicate"]) == ["Bipolar1", "Bipolar4", "Bipolar5"]
    assert list(loaded.labels) == ["RBC (Rod Bipolar cell)", "BC1A", None]


def test_retinal_files_of_windows_and_with_a_name_for_the_genes(tmp_path):
    loaded = shekhar(tmp_path, counts="GENE\t" + RETINA, clusters=OF_CELLS.replace("\n", "\r\n"))
    np.testing.assert_array_equal(loaded.cells.X.toarray(), [[1, 0], [0, 3], [2, 0]])
    assert list(loaded.labels) == ["RBC (Rod Bipolar cell)", "BC1A", None]


def test_a_retinal_cell_whose_cluster_is_missing(tmp_path):
    for missing in ("", "NA"):
        clusters = OF_CELLS.replace("RBC (Rod Bipolar cell)\tRBC", f"{missing}\tRBC")
        assert list(shekhar(tmp_path, clusters=clusters).labels) == [None, "BC1A", None]


def test_retinal_counts_with_a_cell_twice(tmp_path):
    counts = RETINA.replace("Bipolar4_AAAACCCCGGGG", "Bipolar1_AAAACCCCGGGG")
    clusters = OF_CELLS.replace("Bipolar4_AAAACCCCGGGG\tBC1A\tBC1A\n", "")
    with pytest.raises(DataError, match=r"GSE81904.*: has counts more than once of .* e\.g\. 'Bipolar1_AAAA"):
        shekhar(tmp_path, counts=counts, clusters=clusters)


def test_every_replicate_is_in_a_batch(tmp_path):
    batches = REGISTRY.dataset("shekhar").options["batches"]
    assert batches == {"1": [f"Bipolar{i}" for i in (1, 2, 3, 4)], "2": ["Bipolar5", "Bipolar6"]}
    with pytest.raises(DataError, match="replicates Bipolar4, Bipolar5 of the cell names are in no batch"):
        shekhar(tmp_path, batches={"1": ["Bipolar1"]})


@pytest.mark.parametrize(
    ("clusters", "words"),
    [
        (OF_CELLS.replace("TYPE\tgroup\tgroup\n", ""), "a second line that begins with TYPE"),
        (OF_CELLS.replace("NAME", "CELL"), "with the columns NAME, CLUSTER .* found the columns CELL"),
        (
            OF_CELLS.replace("Bipolar1_", "Bipolar2_"),
            "1 cells have no counts in GSE81904.*, e.g. Bipolar2_AAAA",
        ),
        (OF_CELLS.replace("BC1A\n", "BC1A\t\n"), r"line 5: came 4 fields, expected 3"),
        (OF_CELLS.replace("BC1A\tBC1A\n", "BC1A\n"), r"line 5: came 2 fields, expected 3"),
        (OF_CELLS.replace("Bipolar4_", "Bipolar1_"), "lists the cell Bipolar1_AAAACCCCGGGG twice"),
        ("NAME\tCLUSTER\n", "a second line that begins with TYPE"),
        ("", "cannot be read as a table"),
        ("<!DOCTYPE html>\n<p>sign in</p>\n", "with the columns NAME, CLUSTER"),
    ],
)
def test_tables_of_clusters_that_are_none(tmp_path, clusters, words):
    with pytest.raises(DataError, match=words) as raised:
        shekhar(tmp_path, clusters=clusters)
    assert CLUSTERS in str(raised.value)


# ---- Plass ----

PLANARIA = "\n".join(
    [
        '"plan1_AAAACCCCGGGG"\t"plan2_AAAACCCCGGGG"\t"gfp_rnai_TTTTCCCCGGGG"',
        '"dd_Smed_v6_61_0"\t1\t0\t2',
        '"dd_Smed_v6_62_0"\t0\t3\t0',
        "",
    ]
)
TYPES = "neoblast 1\nepidermis\npsd+ cells\n"


def plass(tmp_path, counts=PLANARIA, types=TYPES):
    (tmp_path / "dge.txt.gz").write_bytes(gzip.compress(counts.encode()))
    (tmp_path / "R_annotation.txt").write_bytes(types.encode())
    return load("plass", {name: tmp_path / name for name in ("dge.txt.gz", "R_annotation.txt")})


def test_planarian_cells_types_by_line_and_samples_by_name(tmp_path):
    for types in (TYPES, TYPES.replace("\n", "\r\n"), TYPES[:-1]):
        loaded = plass(tmp_path, types=types)
        np.testing.assert_array_equal(loaded.cells.X.toarray(), [[1, 0], [0, 3], [2, 0]])
        assert list(loaded.cells.obs_names) == [
            "plan1_AAAACCCCGGGG",
            "plan2_AAAACCCCGGGG",
            "gfp_rnai_TTTTCCCCGGGG",
        ]
        assert list(loaded.cells.obs["batch"]) == ["plan1", "plan2", "gfp_rnai"]
        assert list(loaded.labels) == ["neoblast 1", "epidermis", "psd+ cells"]


@pytest.mark.parametrize(
    ("types", "labels"),
    [
        ('"neoblast 1"\n"the ""gut"""\npsd+ cells\n', ["neoblast 1", 'the "gut"', "psd+ cells"]),
        ("neoblast\x0b1\na\u2028b\x0cc\npsd+\n\n\n", ["neoblast\x0b1", "a\u2028b\x0cc", "psd+"]),
        ("NA\n\npsd+\n", [None, None, "psd+"]),
        ('"\nepidermis\npsd+\r\n\r\n', ['"', "epidermis", "psd+"]),
    ],
)
def test_a_planarian_type_is_a_line_without_quotes(tmp_path, types, labels):
    assert list(plass(tmp_path, types=types).labels) == labels


def test_planarian_files_that_do_not_fit(tmp_path):
    with pytest.raises(DataError, match=r"R_annotation\.txt: 2 types for the 3 cells of dge\.txt\.gz"):
        plass(tmp_path, types="neoblast 1\nepidermis\n")
    with pytest.raises(
        DataError, match=r"dge\.txt\.gz: options\.batch_pattern .* does not fit .* 'plan2AAAA"
    ):
        plass(tmp_path, counts=PLANARIA.replace("plan2_", "plan2"))
    (tmp_path / "R_annotation.txt").write_bytes(b"\xff\xfe")
    files = {name: tmp_path / name for name in ("dge.txt.gz", "R_annotation.txt")}
    with pytest.raises(DataError, match=r"R_annotation\.txt: cannot be read as text"):
        load("plass", files)


def test_a_pattern_of_samples_has_one_group():
    options = REGISTRY.dataset("plass").options
    for pattern in ("plan1", "(plan1)_([ACGT]+)"):
        with pytest.raises(ConfigError, match=r"batch_pattern: .*one group"):
            dataset("plass", options | {"batch_pattern": pattern}, files=["dge.txt.gz", "R_annotation.txt"])


# ---- Tabula Muris ----

HEADER = "cell,cell_ontology_class,cell_ontology_id,free_annotation,mouse.id,tissue"
FACS_CELLS = [
    ("A21.MAA000594.3_8_M.1.1", "fibroblast", "Aorta", "3_8_M"),
    ("F8.MAA000594.3_8_M.1.1", "", "Aorta", "3_8_M"),
    ("B1.B002765.3_39_F.1.1", "Bergmann glial cell", "Brain_Non-Myeloid", "3_39_F"),
    ("B2.B002765.3_39_F.1.1", "NA", "Brain_Non-Myeloid", "3_39_F"),
]
FACS = {
    "FACS/Aorta-counts.csv": '"","A21.MAA000594.3_8_M.1.1","F8.MAA000594.3_8_M.1.1"\n"Actb",5,6\n"Xkr4",0,7\n',
    "FACS/Brain_Non-Myeloid-counts.csv":
        '"","B2.B002765.3_39_F.1.1","B1.B002765.3_39_F.1.1"\n"Actb",1,2\n"Xkr4",3,4\n',
    "__MACOSX/FACS/._Aorta-counts.csv": "\x00",
}  # fmt: skip
DROPLET_CELLS = [
    ("10X_P4_3_AAAGTAGAGATGCCAG", "mesenchymal cell", "Bladder", "3-M-8", "10X_P4_3"),
    ("10X_P4_3_AACCGCGTCCAACCAA", "", "Bladder", "3-M-8", "10X_P4_3"),
    ("10X_P7_4_AAAGTAGAGATGCCAG", "endocardial cell", "Heart_and_Aorta", "3-F-56", "10X_P7_4"),
]


def channel(barcodes, entries, genes=("Xkr4", "Actb")):
    """The three files of one 10x run; entries are gene, barcode, count, from 1."""
    lines = "".join(f"{gene} {barcode} {count}\n" for gene, barcode, count in entries)
    return {
        "barcodes.tsv": "".join(f"{barcode}-1\n" for barcode in barcodes),
        "genes.tsv": "".join(f"{gene}\t{gene}\n" for gene in genes),
        "matrix.mtx": f"%%MatrixMarket matrix coordinate integer general\n%\n{len(genes)} {len(barcodes)} "
        f"{len(entries)}\n{lines}",
    }


DROPLET = {
    f"droplet/{folder}/{name}": text
    for folder, files in {
        "Bladder-10X_P4_3": channel(
            ["AACCGCGTCCAACCAA", "TTTTTTTTTTTTTTTT", "AAAGTAGAGATGCCAG"], [(1, 1, 8), (1, 3, 2), (2, 3, 1)]
        ),
        "Heart_and_Aorta-10X_P7_4": channel(["AAAGTAGAGATGCCAG"], [(2, 1, 6)]),
    }.items()
    for name, text in files.items()
}


def facs(tmp_path, members=FACS, cells=FACS_CELLS, header=HEADER):
    rows = "".join(f"{cell},{label},CL:0,,{mouse},{tissue}\n" for cell, label, tissue, mouse in cells)
    (tmp_path / "annotations_facs.csv").write_text(f"{header}\n{rows}")
    zipped(tmp_path / "FACS.zip", **members)
    return {name: tmp_path / name for name in ("FACS.zip", "annotations_facs.csv")}


def droplet(tmp_path, members=DROPLET, cells=DROPLET_CELLS):
    rows = "".join(
        f"{cell},{label},CL:0,,{mouse},{tissue},{run}\n" for cell, label, tissue, mouse, run in cells
    )
    (tmp_path / "annotations_droplet.csv").write_text(f"{HEADER},channel\n{rows}")
    zipped(tmp_path / "droplet.zip", **members)
    return {name: tmp_path / name for name in ("droplet.zip", "annotations_droplet.csv")}


def test_smart_seq2_cells_with_a_class(tmp_path):
    loaded = load("tabula_muris_facs", facs(tmp_path))
    cells = loaded.cells
    assert list(cells.obs_names) == ["A21.MAA000594.3_8_M.1.1", "B1.B002765.3_39_F.1.1"]
    assert list(cells.var_names) == ["Actb", "Xkr4"]
    np.testing.assert_array_equal(cells.X.toarray(), [[5, 0], [2, 4]])
    assert list(loaded.labels) == ["fibroblast", "Bergmann glial cell"]
    assert list(cells.obs["organ"]) == ["Aorta", "Brain_Non-Myeloid"]
    assert list(cells.obs["batch"]) == list(cells.obs["donor"]) == ["3_8_M", "3_39_F"]


def test_droplet_cells_with_a_class_by_channel_and_barcode(tmp_path):
    loaded = load("tabula_muris_droplet", droplet(tmp_path))
    cells = loaded.cells
    assert list(cells.obs_names) == ["10X_P4_3_AAAGTAGAGATGCCAG", "10X_P7_4_AAAGTAGAGATGCCAG"]
    assert list(cells.var_names) == ["Xkr4", "Actb"]
    np.testing.assert_array_equal(cells.X.toarray(), [[2, 1], [0, 6]])
    assert list(loaded.labels) == ["mesenchymal cell", "endocardial cell"]
    assert list(cells.obs["batch"]) == ["10X_P4_3", "10X_P7_4"]
    assert list(cells.obs["donor"]) == ["3-M-8", "3-F-56"]
    assert list(cells.obs["organ"]) == ["Bladder", "Heart_and_Aorta"]


def test_both_protocols_over_genes_in_another_order(tmp_path):
    loaded = load("tabula_muris_protocols", facs(tmp_path) | droplet(tmp_path))
    cells = loaded.cells
    assert list(cells.var_names) == ["Actb", "Xkr4"]
    np.testing.assert_array_equal(cells.X.toarray(), [[5, 0], [2, 4], [1, 2], [6, 0]])
    assert list(cells.obs["protocol"]) == ["Smart-seq2"] * 2 + ["10x Chromium"] * 2
    assert (cells.obs["batch"] == cells.obs["protocol"]).all()
    assert [row.id for row in REGISTRY.sources_of("tabula_muris_protocols")] == [
        "tabula_muris_facs",
        "tabula_muris_droplet",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cells": [*FACS_CELLS, ("B9.X", "T cell", "Aorta", "3_8_M")]},
         r"FACS\.zip:FACS/Aorta-counts\.csv: has no counts of 1 annotated cells, e\.g\. B9\.X"),
        ({"cells": [*FACS_CELLS, ("B9.X", "T cell", "Thymus", "3_8_M")]}, "has no member 'FACS/Thymus-counts.csv'"),
        ({"cells": [*FACS_CELLS, FACS_CELLS[0]]}, r"each once; found 3 such rows of 5"),
        ({"cells": FACS_CELLS[1:2]}, r"each once; found 0 such rows of 1"),
        ({"header": HEADER.replace("cell_ontology_class", "class")},
         "has no column cell_ontology_class; columns: cell, class"),
        ({"members": FACS | {"FACS/Aorta-counts.csv": '"","A21.MAA000594.3_8_M.1.1"\n"Actb",5\n'}},
         r"Brain_Non-Myeloid-counts\.csv: its 2 genes are not the 1 of .*Aorta-counts\.csv"),
        ({"members": FACS | {"FACS/Aorta-counts.csv": FACS["FACS/Aorta-counts.csv"].replace("F8.", "A21.")}},
         r"Aorta-counts\.csv: has counts more than once of 1 of the 1 wanted cells, e\.g\. 'A21\.MAA000594"),
        ({"cells": [*FACS_CELLS[:1], ("B9.X", "T cell", "Aorta", "3_8_M,")]}, "line 3: came 7 fields, expected 6"),
        ({"members": FACS | {"FACS/Aorta-counts.csv": "<html>"}}, r"Aorta-counts\.csv: cannot be read as a table"),
    ],
)  # fmt: skip
def test_smart_seq2_files_that_do_not_fit(tmp_path, change, words):
    with pytest.raises(DataError, match=words):
        load("tabula_muris_facs", facs(tmp_path, **change))


MATRIX = "droplet/Bladder-10X_P4_3/matrix.mtx"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({MATRIX: "text"},
         r"droplet\.zip:droplet/Bladder-10X_P4_3/matrix\.mtx: cannot be read as a Matrix Market file"),
        ({MATRIX: DROPLET[MATRIX].replace("\n2 3 3\n", "\n2 4 3\n")},
         r"matrix\.mtx is \(2, 4\), expected 2 genes x 3 barcodes"),
        ({MATRIX: DROPLET[MATRIX][:-6]}, "cannot be read as a Matrix Market file"),
        ({"droplet/Bladder-10X_P4_3/barcodes.tsv": "A-1\nB-1\nC-1\n"},
         r"has no counts of 1 annotated cells, e\.g\. 10X_P4_3_AAAG"),
        ({"droplet/Heart_and_Aorta-10X_P7_4/genes.tsv": "Actb\tActb\nXkr4\tXkr4\n"}, "its 2 genes are not the 2 of"),
        ({"droplet/Heart_and_Aorta-10X_P7_4/genes.tsv": b"\xff\xfe"}, "cannot be read as text"),
    ],
)  # fmt: skip
def test_droplet_files_that_do_not_fit(tmp_path, members, words):
    with pytest.raises(DataError, match=words):
        load("tabula_muris_droplet", droplet(tmp_path, DROPLET | members))


ERRORS_OF = {name: "cannot be read as text" for name in ("barcodes.tsv", "genes.tsv")} | {
    "matrix.mtx": "cannot be read as a Matrix Market file"
}


@pytest.mark.parametrize("name", ERRORS_OF)
def test_droplet_members_that_are_damaged(tmp_path, name):
    files = droplet(tmp_path)
    zipped(files["droplet.zip"], packing=zipfile.ZIP_DEFLATED, **DROPLET)
    damage(files["droplet.zip"], f"droplet/Bladder-10X_P4_3/{name}")
    with pytest.raises(DataError, match=rf"droplet\.zip:.*Bladder-10X_P4_3.*{ERRORS_OF[name]}"):
        load("tabula_muris_droplet", files)


def test_cells_of_a_channel_that_the_archive_lacks(tmp_path):
    cells = [*DROPLET_CELLS, ("10X_P9_9_AA", "T cell", "Thymus", "3-F-56", "10X_P9_9")]
    with pytest.raises(DataError, match=r"has no member 'droplet/Thymus-10X_P9_9/barcodes\.tsv'"):
        load("tabula_muris_droplet", droplet(tmp_path, cells=cells))
