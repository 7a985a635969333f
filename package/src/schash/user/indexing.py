"""Make an atlas of the cells of a file: the function behind `schash index`."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from schash.cellfishing import CellFishing
from schash.errors import DataError
from schash.user.atlas import Atlas, check_linear, make_labels
from schash.user.atlas_genes import namings
from schash.user.genes import without_version
from schash.user.streams import CellFile, open_cells

COMPRESSIONS = ("none", "gzip", "zstd")


def index_file(
    path: Path,
    output: Path,
    *,
    labels: Sequence[str],
    values: str,
    layer: str | None,
    use_raw: bool,
    include_genes: Path | None,
    exclude_genes: Path | None,
    compression: str,
    progress: bool,
    **options: Any,
) -> str:
    """Index every cell of a file and write the atlas; return lines that say what came out.

    options : parameters of `CellFishing`

    Raises
    ------
    DataError
        if a label column is missing, genes repeat, or the values are not of their kind
    """
    kind = check_linear(values)
    if compression not in COMPRESSIONS:
        message = f"compression={compression!r} is not known; allowed: {', '.join(COMPRESSIONS)}"
        raise DataError(message)
    start = time.perf_counter()
    cells = open_cells(path, layer=layer, use_raw=use_raw)
    kept = _labels(cells, labels)
    repeated = cells.var.index[cells.var.index.duplicated()].unique()
    if len(repeated):
        message = f"{path}: genes occur more than once: {', '.join(map(str, repeated[:3]))} ({len(repeated)} in all)"
        raise DataError(message)
    genes = cells.var.index.to_numpy(str)
    options["include_genes"] = _listed_genes(include_genes, genes)
    options["exclude_genes"] = _listed_genes(exclude_genes, genes)
    index = CellFishing(progress=progress, **options).fit(cells.checked(kind), genes=genes)
    names = cells.obs.index.astype(str).to_numpy(object)
    atlas = Atlas(index, names, kept, namings(cells.var, index.genes_), kind)
    atlas.save(output, compression=None if compression == "none" else compression)
    return "\n".join(_facts(atlas, cells, output, time.perf_counter() - start))


def _facts(atlas: Atlas, cells: CellFile, output: Path, seconds: float) -> list[str]:
    n_cells = len(atlas)
    lines = [
        f"{n_cells:,} cells, {len(atlas.index.genes_):,} of {len(cells.var):,} genes selected, "
        f"{atlas.index.n_hashes} codes of {atlas.index.n_bits} bits a cell"
    ]
    for name in atlas.labels.columns:
        column = atlas.labels[name]
        missing = int(column.isna().sum())
        note = f" ({missing:,} cells without)" if missing else ""
        lines.append(f"  {name:<30} {len(column.cat.categories):>6,} labels{note}")
    n_repeated = int(pd.Index(atlas.cell_names).duplicated().sum())
    if n_repeated:
        lines.append(f"Warning: {n_repeated:,} cells have a name that another cell has; results go by names")
    lines.append(f"{output.stat().st_size / 1e6:,.1f} MB in {seconds:.1f} s")
    return lines


def _labels(cells: CellFile, names: Sequence[str]) -> pd.DataFrame:
    for name in names:
        if name not in cells.obs.columns:
            found = ", ".join(map(str, cells.obs.columns)) or "none"
            message = f"{cells.path}: obs has no column {name!r} (it has: {found})"
            raise DataError(message)
    return make_labels({name: cells.obs[name] for name in names}, cells.n_cells)


def _listed_genes(path: Path | None, genes: np.ndarray) -> tuple[str, ...]:
    """Genes of a file, one a line, that the cells have; a name that they lack may be a gene of another reference."""
    if path is None:
        return ()
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read as a list of genes ({error})"
        raise DataError(message) from None
    listed = [line for line in lines if line]
    known = dict(zip(without_version(genes), genes, strict=True))
    found = [str(known[name]) for name in without_version(np.array(listed, dtype=object)) if name in known]
    if not found:
        example = f", such as {listed[0]!r}" if listed else ""
        message = f"{path}: none of its {len(listed):,} genes{example} is among the cells' genes"
        raise DataError(message)
    return tuple(dict.fromkeys(found))
