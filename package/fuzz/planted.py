"""A few cells of planted types, and what is trained on them."""

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from schash.cellfishing import CellFishing
from schash.deephash import DeepHash
from schash.user.atlas import Atlas

N_CELLS, N_GENES = 24, 10


def planted_cells() -> anndata.AnnData:
    """Counts of two types, with gene ids, labels and a layer."""
    rng = np.random.default_rng(7)
    profile = np.full((2, N_GENES), 0.5)
    profile[0, :4], profile[1, 5:9] = 9, 9
    kinds = np.repeat([0, 1], N_CELLS // 2)
    X = sparse.csr_matrix(rng.poisson(profile[kinds]).astype(np.float32))
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical(np.array(["alpha", "beta"])[kinds]),
            "batch": np.array(["one", "two"])[kinds[::-1]],
        },
        index=[f"cell{i}" for i in range(N_CELLS)],
    )
    var = pd.DataFrame(
        {"gene_ids": [f"ENSG{i:011d}" for i in range(N_GENES)]}, index=[f"GENE{i}" for i in range(N_GENES)]
    )
    return anndata.AnnData(X, obs=obs, var=var, layers={"dense": X.toarray()})


def trained_model(cells: anndata.AnnData) -> DeepHash:
    model = DeepHash(
        preset="compact", n_bits=16, steps=20, n_members=1, hidden=(16,), device="cpu", progress=False
    )
    return model.fit(cells.X, cells.obs["cell_type"].astype(str), genes=cells.var_names.to_numpy(str))


def made_atlas(cells: anndata.AnnData, *, layout: str = "compact") -> Atlas:
    index = CellFishing(n_bits=32, n_hashes=2, n_dims=4, min_features=8, layout=layout, n_threads=1)
    index.fit(cells.X, genes=cells.var_names.to_numpy(str))
    var = pd.DataFrame(
        {"gene_ids": cells.var.loc[index.genes_, "gene_ids"]}, index=pd.Index(index.genes_, dtype=object)
    )
    return Atlas(
        index, cells.obs_names.to_numpy(object), cells.obs[["cell_type"]].reset_index(drop=True), var
    )
