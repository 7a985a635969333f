"""Draw docs/images/hamming_umap.png: UMAPs of real cells from the exact neighbour graph and from Hamming graphs.

python docs/draw_hamming_umap.py              # downloads 4 MB, or takes them from SCHASH_MIRROR
"""

import os
import warnings
from pathlib import Path

import anndata
import matplotlib.pyplot as plt
import numpy as np
import scanpy as sc
from matplotlib.axes import Axes
from scipy.linalg import orthogonal_procrustes

from schash import HammingTransformer
from schash.atomic import atomic_path
from schash.data.fetch import fetch_source
from schash.data.loaders import load_dataset
from schash.data.registry import load_registry
from schash.plotting.style import style

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "docs/images/hamming_umap.png"
DATASET = "baron_mouse"
N_NEIGHBORS = 15
N_DIMS = 50
MIN_CELLS = 10
"""Rarer types share one colour."""


def read_cells() -> anndata.AnnData:
    """The data set, normalised in Scanpy's usual way, with principal components and its types in obs["type"]."""
    registry = load_registry(ROOT / "config/datasets.yaml")
    row = registry.datasets[DATASET]
    source = registry.sources[row.source]
    fetched = fetch_source(
        source, cache_dir=ROOT / "results/downloads", mirror=os.environ.get("SCHASH_MIRROR")
    )
    loaded = load_dataset(row, {file.file: Path(file.path) for file in fetched})
    adata = loaded.cells
    adata.obs["type"] = loaded.labels
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.highly_variable_genes(adata, n_top_genes=2000)
    sc.pp.pca(adata, n_comps=N_DIMS, random_state=0)
    return adata


def embed(adata: anndata.AnnData, transformer: HammingTransformer | str) -> tuple[np.ndarray, list[set[int]]]:
    """UMAP (n_cells, 2) of a neighbour graph, and the neighbours of each cell in it."""
    copy = anndata.AnnData(obs=adata.obs, obsm={"X_pca": adata.obsm["X_pca"]})
    sc.pp.neighbors(copy, n_neighbors=N_NEIGHBORS, use_rep="X_pca", transformer=transformer)
    sc.tl.umap(copy, random_state=0)
    return copy.obsm["X_umap"], neighbours(copy)


def neighbours(adata: anndata.AnnData) -> list[set[int]]:
    """The 14 others that UMAP uses of each cell: Scanpy counts the cell itself among 15."""
    graph = adata.obsp["distances"]
    found = []
    for i in range(adata.n_obs):
        row = graph[i]
        order = row.indices[np.argsort(row.data, kind="stable")]
        found.append(set(order[order != i][: N_NEIGHBORS - 1].tolist()))
    return found


def recall(found: list[set[int]], exact: list[set[int]]) -> float:
    """Share of the exact neighbours that are found."""
    return float(np.mean([len(a & b) / len(b) for a, b in zip(found, exact, strict=True)]))


def turned_to(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`points` rotated or mirrored, and moved, to lie as `target` does: a UMAP has no direction of its own."""
    centred = points - points.mean(axis=0)
    rotation, _ = orthogonal_procrustes(centred, target - target.mean(axis=0))
    return centred @ rotation


def draw(axes: Axes, points: np.ndarray, types: np.ndarray, names: list[str], title: str) -> None:
    colours = [*plt.get_cmap("tab20").colors[::2], *plt.get_cmap("tab20").colors[1::2]]  # type: ignore[attr-defined]
    for i, name in enumerate(names):
        chosen = types == name
        colour = "#BBBBBB" if name.startswith("fewer") else colours[i]
        label = f"{name.replace('_', ' ')} ({chosen.sum():,})"
        axes.scatter(*points[chosen].T, s=5, linewidths=0, color=colour, label=label)
    axes.set(title=title, xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
    axes.grid(False)


def main() -> None:
    adata = read_cells()
    counts = adata.obs["type"].value_counts()
    rare = f"fewer than {MIN_CELLS} cells each"
    types = np.array([t if counts[t] >= MIN_CELLS else rare for t in adata.obs["type"]])
    names = [*(t for t in counts.index if counts[t] >= MIN_CELLS), rare]
    exact, true = embed(adata, "sklearn")
    panels = [("Exact graph (Euclidean)", exact)]
    for title, transformer in (
        ("Hamming graph, {} bits, estimated angle", HammingTransformer(N_NEIGHBORS)),
        (
            "{} bits, exact distance among candidates",
            HammingTransformer(N_NEIGHBORS, 256, metric="euclidean"),
        ),
    ):
        points, found = embed(adata, transformer)
        share = recall(found, true)
        print(f"{transformer}: recall {share:.3f}")
        panels.append(
            (title.format(transformer.n_bits) + f"\nrecall of exact neighbours {share:.2f}", points)
        )
    with style():
        figure, axes = plt.subplots(1, len(panels), figsize=(11, 3.9), layout="constrained")
        for axis, (title, points) in zip(axes, panels, strict=True):
            draw(axis, turned_to(points, exact), types, names, title)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5, markerscale=3, frameon=False)
        with atomic_path(OUTPUT) as temporary:
            figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})
    print(f"{OUTPUT}: {OUTPUT.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
