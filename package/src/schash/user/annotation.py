"""Annotate the cells of an AnnData, or of a file, with a trained model: the functions behind `schash annotate`."""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd

from schash._version import __version__
from schash.atomic import atomic_path
from schash.deephash import DeepHash
from schash.errors import DataError
from schash.metrics.annotation import UNASSIGNED
from schash.preprocess import as_csr
from schash.user.files import TABLE_SUFFIXES, UserCells, check_values, chosen_matrix, read_user_cells
from schash.user.genes import GeneNames, align, match_genes

LABEL_KEY = "schash_label"
MARGIN_KEY = "schash_margin"
DISTANCE_KEY = "schash_distance"
UNS_KEY = "schash"
SUFFIXES = (".h5ad", *TABLE_SUFFIXES)


def annotate(
    adata: anndata.AnnData,
    model: DeepHash,
    *,
    layer: str | None = None,
    use_raw: bool = False,
    min_margin: float = 0.0,
) -> GeneNames:
    """Write the type of the nearest anchor of every cell into `adata`.

    Fills `obs["schash_label"]`, `obs["schash_distance"]` (to the nearest anchor, in bits), `obs["schash_margin"]`
    (how much farther the second nearest anchor is; 0 is a tie) and `uns["schash"]` (what made them).

    Parameters
    ----------
    adata : (n_cells, n_genes), with values of the kind that the model was trained on
    layer, use_raw : take the values from a layer or from .raw instead of X
    min_margin : cells with a smaller margin become "unassigned"

    Returns
    -------
    GeneNames
        how the genes were matched

    Raises
    ------
    DataError
        if no gene is shared, or the values are not of the kind that the model was trained on
    """
    X, var = chosen_matrix(adata, layer=layer, use_raw=use_raw, where="query")
    table, names = annotate_cells(UserCells(adata, as_csr(X), var), model, min_margin=min_margin)
    for key in table.columns:
        adata.obs[key] = table[key]
    adata.uns[UNS_KEY] = {
        "version": __version__,
        "preset": model.preset,
        "variant": model.variant,
        "n_bits": int(model.anchors_.n_bits),
        "min_margin": float(min_margin),
        "genes_matched_by": names.column,
        "genes_shared": names.n_shared,
    }
    return names


def annotate_cells(
    cells: UserCells, model: DeepHash, *, min_margin: float = 0.0, where: str = "query"
) -> tuple[pd.DataFrame, GeneNames]:
    """The annotation as a table indexed by cell: label, distance and margin in bits."""
    check_values(cells.X, model.values_, where=where)
    names = match_genes(cells.var, model.genes_, where=where)
    X = align(cells.X, names.names, model.genes_, where=where)
    distances = model.decision_distances(X)
    nearest = distances.argmin(axis=1)
    ordered = np.sort(distances, axis=1)
    margin = ordered[:, 1] - ordered[:, 0]
    labels = np.asarray(model.classes_, dtype=object)[nearest]
    labels[margin < min_margin] = UNASSIGNED
    table = pd.DataFrame(
        {LABEL_KEY: labels, DISTANCE_KEY: ordered[:, 0], MARGIN_KEY: margin}, index=cells.adata.obs_names
    )
    return table, names


def annotate_file(
    path: Path, model_path: Path, output: Path, *, layer: str | None, use_raw: bool, min_margin: float
) -> str:
    """Annotate every cell of a file and write an h5ad or a table; return lines that say what came out.

    Raises
    ------
    DataError
        for an unknown output format, or cells that do not fit the model
    ModelFileError
        if the model file is damaged or not a model
    """
    if output.suffix not in SUFFIXES:
        message = f"{output}: the output must end in {', '.join(SUFFIXES)}"
        raise DataError(message)
    model = DeepHash.load(model_path)
    cells = read_user_cells(path, layer=layer, use_raw=use_raw)
    if output.suffix == ".h5ad":
        names = annotate(cells.adata, model, layer=layer, use_raw=use_raw, min_margin=min_margin)
        table = cells.adata.obs
        with atomic_path(output) as temporary:
            cells.adata.write_h5ad(temporary)
    else:
        table, names = annotate_cells(cells, model, min_margin=min_margin, where=str(path))
        with atomic_path(output) as temporary:
            table.to_csv(temporary, sep="\t" if output.suffix == ".tsv" else ",", index_label="cell")
    counts = table[LABEL_KEY].value_counts()
    lines = [names.describe()]
    if names.n_shared < names.n_model / 2:
        lines.append("Warning: fewer than half of the model's genes are there; expect poor labels")
    lines += [f"  {name:<30} {count:>8,}" for name, count in counts.items()]
    if counts.get(UNASSIGNED, 0):
        lines.append(f"{counts[UNASSIGNED]:,} cells unassigned: margin below {min_margin:g} bits")
    return "\n".join(lines)
