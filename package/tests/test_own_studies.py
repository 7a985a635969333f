"""The example of several studies of one's own: what docs/data.md shows and the overlay beside it work together."""

import re
from pathlib import Path

import anndata
import numpy as np
import pandas as pd

from schash.config import resolve
from schash.data.loaders import load_dataset
from schash.data.registry import load_registry
from schash.methods.catalogue import load_catalogue
from schash.plan import Plan
from schash.schema import load_yaml
from schash.splits import make_split

HOME = Path(__file__).parents[2]


def study(rng, genes, types):
    obs = pd.DataFrame({"cell_type": types}, index=[f"c{place}" for place in range(len(types))])
    X = rng.poisson(3, (len(types), len(genes))).astype(np.float32)
    return anndata.AnnData(X=X, obs=obs, var=pd.DataFrame(index=genes))


def test_the_documented_way_gives_folds_of_studies(tmp_path, monkeypatch, rng):
    monkeypatch.chdir(tmp_path)
    study(rng, ["INS", "GCG", "PPY"], ["beta"] * 20 + ["pp"] * 15).write_h5ad("lab_a.h5ad")
    study(rng, ["GCG", "PPY", "INS", "SST"], ["beta"] * 12 + ["gamma"] * 9 + ["PSC"]).write_h5ad("lab_b.h5ad")
    text = (HOME / "docs/data.md").read_text()
    (snippet,) = re.findall(r"### Several studies.*?```python\n(.*?)```", text, flags=re.DOTALL)
    exec(snippet, {})

    given = load_yaml(HOME / "config/examples/own_studies.yaml")
    config = resolve(given, default_path=HOME / "config/config.yaml", suites=HOME / "config/suites")
    registry = load_registry(HOME / "config/datasets.yaml", overlay={"datasets": config.datasets})
    plan = Plan(config, registry, load_catalogue(HOME / "config/methods.yaml"))
    assert {run.scheme for run in plan.runs("fig2b")} == {"loso", "loso_mnn"}

    loaded = load_dataset(registry.dataset("own_studies"), {})
    assert loaded.cells.n_vars == 3
    split = make_split(
        loaded.labels.reset_index(drop=True), loaded.cells.obs, dataset="own_studies", scheme="loso"
    )
    assert split.fold_names == ["lab_a", "lab_b"]
    assert split.unseen == [0, 1]  # the stellate cell
