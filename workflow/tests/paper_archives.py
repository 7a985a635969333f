"""The archives of the papers' data sets in small: names, folders, formats and quirks of the originals, few cells.

`archives` gives the bytes of every file by its name; `EXPECTED` what a data set made of them has.
"""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
import rdata

from schash.data.options import ZenodoOptions
from schash.data.registry import Registry

TYPES = ("alpha", "beta", "t_cell")
CELLS = 36
"""Of a data set, a third of each type, so that all types have more than 10."""
GENES = ("A1BG", "A1CF", "Gcg", "Ins1")
TENX_CELLS, TENX_GENES = 24, 6


def archives(registry: Registry, folder: Path) -> dict[str, bytes]:
    """File name to content, for every file of the sources that the papers' data sets are made of."""
    return {
        "scRNAseq_Benchmark_datasets.zip": _zip(_benchmark(registry, folder)),
        "1M_neurons_filtered_gene_bc_matrices_h5.h5": _tenx(folder / "1m.h5", TENX_CELLS),
        "1M_neurons_neuron20k.h5": _tenx(folder / "20k.h5", TENX_CELLS // 2),
        "1M_neurons_analysis.tar.gz": _tar(
            {"analysis/clustering/graphclust/clusters.csv": _clusters()}, mode="w:gz"
        ),
        "GSE84133_RAW.tar": _tar(_baron(registry)),
        "HOM_MouseHumanSequence.rpt": _orthologs(),
        **_retina(),
        **_planaria(),
        **_tabula_muris(),
    }


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def _tar(members: dict[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


# ---- the benchmark's zip: tables as R writes them, Labels.csv and CV_folds.RData beside them ----


def _benchmark(registry: Registry, folder: Path) -> dict[str, bytes]:
    members: dict[str, bytes] = {"Intra-dataset/": b"", "Intra-dataset/Zheng 68K/": b""}
    for row in registry.datasets.values():
        if row.loader != "zenodo_csv":
            continue
        options = ZenodoOptions.model_validate(row.options)
        cells = sum(batch.cells for batch in options.row_ranges) or CELLS
        for part in options.parts:
            # The real archive spells one table "alligned"; users have also seen "aligned".
            members[part.also[0] if part.also else part.data] = _table(cells, row.values)
            members[part.labels] = _labels(cells, options.label_column)
        if options.folds_member:
            column = 3 if options.label_column == "cluster" else 1
            members[options.folds_member] = _folds(folder / f"{row.id}.RData", column)
    return members


def _table(cells: int, values: str) -> bytes:
    rows = [",".join(f'"{name}"' for name in ("", *GENES))]
    for cell in range(cells):
        numbers = [f"{(cell + gene) % 4}{'' if values == 'counts' else '.25'}" for gene in range(len(GENES))]
        rows.append(",".join([f'"cell {cell}"', *numbers]))
    return ("\n".join(rows) + "\n").encode()


def _labels(cells: int, column: str) -> bytes:
    labels = [TYPES[cell % 3] for cell in range(cells)]
    if column == "cluster":
        rows = ["Class,Subclass,cluster", *(f'GABAergic,Lamp5,"{label}"' for label in labels)]
        return ("\r\n".join(rows) + "\r\n").encode()
    return ('"x"\n' + "".join(f'"{label}"\n' for label in labels)).encode()


def _folds(path: Path, column: int) -> bytes:
    """Fold f holds out cells f, f + 5, ..., in the order 4, 3, 2, 1, 0, as folds made here would not be."""
    tests = [np.arange(fold, CELLS, 5) for fold in (4, 3, 2, 1, 0)]
    objects = {
        "n_folds": np.array([5.0]),
        "Train_Idx": [np.int32(np.setdiff1d(np.arange(CELLS), test) + 1) for test in tests],
        "Test_Idx": [np.int32(test + 1) for test in tests],
        "col_Index": np.array([float(column)]),
        "Cells_to_Keep": np.ones(CELLS, dtype=bool),
    }
    rdata.write_rda(path, objects)
    return path.read_bytes()


# ---- 10x ----


def _tenx(path: Path, cells: int) -> bytes:
    with h5py.File(path, "w") as file:
        group = file.create_group("mm10")
        group["data"] = np.ones(2 * cells, dtype=np.int32)
        group["indices"] = np.tile([3, 1], cells).astype(np.int64)  # in no order within a cell
        group["indptr"] = np.arange(0, 2 * cells + 1, 2, dtype=np.int64)
        group["shape"] = np.array([TENX_GENES, cells], dtype=np.int32)
        group["barcodes"] = np.array([f"AAAC{i}-1" for i in range(cells)], dtype="S")
        group["genes"] = np.array([f"ENSMUSG{i:011d}" for i in range(TENX_GENES)], dtype="S")
        group["gene_names"] = np.array([f"Gene{i}" for i in range(TENX_GENES)], dtype="S")
    return path.read_bytes()


def _clusters() -> bytes:
    rows = ["Barcode,Cluster", *(f"AAAC{i}-1,{1 + i % 2}" for i in range(TENX_CELLS))]
    return ("\n".join(rows) + "\n").encode()


# ---- GEO, MGI, PSCA, figshare ----


def _baron(registry: Registry) -> dict[str, bytes]:
    """One gzipped csv a donor; human genes in capitals."""
    members = {}
    for dataset, genes in (("baron_human_geo", ("GCG", "INS")), ("baron_mouse_geo", ("Gcg", "Ins2"))):
        for part in registry.dataset(dataset).options["parts"]:
            donor = part["batch"]
            rows = [",".join(("", "barcode", "assigned_cluster", *genes))]
            rows += [f"{donor}_{i},AC-{i},{'alpha' if i % 2 else 'beta'},{i},1" for i in range(CELLS // 3)]
            members[part["member"]] = gzip.compress(("\n".join(rows) + "\n").encode())
    return members


def _orthologs() -> bytes:
    rows: Iterable[tuple[str, ...]] = [
        ("DB Class Key", "Common Organism Name", "NCBI Taxon ID", "Symbol", "EntrezGene ID"),
        ("1", "mouse, laboratory", "10090", "Gcg", "1"), ("1", "human", "9606", "GCG", "2"),
        ("2", "mouse, laboratory", "10090", "Ins2", "3"), ("2", "human", "9606", "INS", "4"),
    ]  # fmt: skip
    return "".join("\t".join(row) + "\n" for row in rows).encode()


def _retina() -> dict[str, bytes]:
    names = [f"Bipolar{1 + i % 6}_AAAACCCCGGG{'ACGT'[i // 6]}" for i in range(24)]
    counts = ["\t".join(names), *("\t".join([gene, *("12"[i % 2] for i in range(24))]) for gene in GENES)]
    kept = names[:20]
    clusters = ["NAME\tCLUSTER\tSUB-CLUSTER", "TYPE\tgroup\tgroup"]
    clusters += [f"{name}\t{kind}\t{kind}" for name, kind in zip(kept, _retinal_types(), strict=True)]
    return {
        "GSE81904_BipolarUMICounts_Cell2016.txt.gz": gzip.compress(("\n".join(counts) + "\n").encode()),
        "clust_retinal_bipolar.txt": ("\r\n".join(clusters) + "\r\n").encode(),
    }


def _retinal_types() -> list[str]:
    return ["Doublets/Contaminants"] * 2 + ["RBC (Rod Bipolar cell)", "BC1A"] * 9


def _planaria() -> dict[str, bytes]:
    names = [f"plan{1 + i % 2}_AAAACCCC{'ACGT'[i // 4]}{'ACGT'[i % 4]}" for i in range(16)]
    counts = ["\t".join(f'"{name}"' for name in names)]
    counts += ["\t".join([f'"dd_Smed_v6_{gene}_0"', *("1" * 16)]) for gene in range(3)]
    return {
        "dge.txt.gz": gzip.compress(("\n".join(counts) + "\n").encode()),
        "R_annotation.txt": ("\n".join(["neoblast 1", "psd+ cells"] * 8) + "\n").encode(),
    }


def _tabula_muris() -> dict[str, bytes]:
    header = "cell,cell_ontology_class,cell_ontology_id,free_annotation,mouse.id,tissue"
    plate = [f"A{i}.MAA000594.3_8_M.1.1" for i in range(12)]
    barcodes = [f"AAAGTAGAGATGCC{a}{b}" for a in "ACGT" for b in "ACG"]
    facs = [f"{cell},{_class(i)},CL:0,,3_8_M,Aorta" for i, cell in enumerate(plate)]
    droplet = [
        f"10X_P4_3_{barcode},{_class(i)},CL:0,,3-M-8,Bladder,10X_P4_3" for i, barcode in enumerate(barcodes)
    ]
    counts = ['"",' + ",".join(f'"{cell}"' for cell in plate)]
    counts += [f'"{gene}",' + ",".join("5" * 12) for gene in ("Actb", "Xkr4")]
    entries = "".join(f"1 {i} 2\n" for i in range(1, 13))
    run = {
        "barcodes.tsv": "".join(f"{barcode}-1\n" for barcode in barcodes),
        "genes.tsv": "Xkr4\tXkr4\nActb\tActb\n",
        "matrix.mtx": f"%%MatrixMarket matrix coordinate integer general\n%\n2 12 12\n{entries}",
    }
    return {
        "FACS.zip": _zip(
            {"FACS/Aorta-counts.csv": ("\n".join(counts) + "\n").encode(), "__MACOSX/._FACS": b"\0"}
        ),
        "annotations_facs.csv": ("\n".join([header, *facs]) + "\n").encode(),
        "metadata_FACS.csv": b"plate.barcode\n",
        "droplet.zip": _zip(
            {f"droplet/Bladder-10X_P4_3/{name}": text.encode() for name, text in run.items()}
        ),
        "annotations_droplet.csv": ("\n".join([f"{header},channel", *droplet]) + "\n").encode(),
        "metadata_droplet.csv": b"channel\n",
    }


def _class(i: int) -> str:
    """The last cell has no class of the cell ontology, and is left out."""
    return "" if i == 11 else ("fibroblast", "mesenchymal cell")[i % 2]


PUBLISHED_FOLDS = (
    "zenodo_amb92", "zenodo_baron_human", "zenodo_baron_mouse", "zenodo_muraro", "zenodo_segerstolpe", "zenodo_tm",
    "zenodo_xin", "zenodo_zheng68k", "zenodo_zheng_sorted",
)  # fmt: skip
EXPECTED = {
    **{name: {"cells": CELLS, "genes": 4, "types": 3} for name in PUBLISHED_FOLDS},
    "zenodo_pancreas": {"cells": 10150, "genes": 4, "types": 3},
    "zenodo_pancreas_aligned": {"cells": 10150, "genes": 4, "types": 3},
    "zenodo_pbmcbench": {"cells": 19792, "genes": 4, "types": 3},
    "baron_human_geo": {"cells": 48, "genes": 2, "types": 2},
    "baron_mouse_geo": {"cells": 24, "genes": 2, "types": 2},
    "baron_species_geo": {"cells": 72, "genes": 2, "types": 2},
    "shekhar": {"cells": 20, "genes": 4, "types": 2},
    "plass": {"cells": 16, "genes": 3, "types": 2},
    "tabula_muris_facs": {"cells": 11, "genes": 2, "types": 2},
    "tabula_muris_droplet": {"cells": 11, "genes": 2, "types": 2},
    "tabula_muris_protocols": {"cells": 22, "genes": 2, "types": 2},
    "neurons_1m": {"cells": 24, "genes": 6, "types": 2},
    "neurons_20k": {"cells": 12, "genes": 6, "types": 2},
}
"""What comes of each data set."""
