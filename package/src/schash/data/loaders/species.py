"""One tissue of two species on their shared genes: parts that other loaders read, joined by their genes.

With a table of orthologs, genes are its one-to-one pairs and bear the human's symbols. Without one, symbols are matched
with their case folded, `Ins1` with `INS1`, which stands in for it: most one-to-one orthologs of human and mouse share
their symbol but for its case, and some genes that share it are none. Either way a symbol that stands for several genes
of one species is left out, so that every match is one to one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from schash.data.cells import LabelledCells, make_cells
from schash.data.loaders.baron import load_geo, load_labelled_csv
from schash.data.loaders.matrices import Table, file_of, shared_of
from schash.data.loaders.orthologs import one_to_one
from schash.data.options import SpeciesOptions, SpeciesPart
from schash.data.registry import Dataset

PART_LOADERS = {"baron_geo": load_geo, "labelled_csv": load_labelled_csv}


def load(dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    """Cells of all parts; `batch` and `species` say which part."""
    options = SpeciesOptions.model_validate(dataset.options)
    parts = [_load_part(part, dataset, files) for part in options.parts]
    X, genes = shared_of(_on_one_names(parts, options, dataset, files))
    labels = pd.concat([part.labels for part in parts])
    species = np.repeat([part.species for part in options.parts], [part.cells.n_obs for part in parts])
    return make_cells(
        X,
        labels.index.tolist(),
        genes,
        labels=labels.tolist(),
        obs={"batch": species.tolist(), "species": species.tolist()},
        dataset=dataset.id,
        values=dataset.values,
        stand_in_for=dataset.stand_in_for,
    )


def _load_part(part: SpeciesPart, dataset: Dataset, files: Mapping[str, Path]) -> LabelledCells:
    row = dataset.model_copy(update={"loader": part.loader, "options": part.options})
    loaded = PART_LOADERS[part.loader](row, files)
    names = [f"{part.species}_{name}" for name in loaded.cells.obs_names]
    cells = loaded.cells.copy()
    cells.obs_names = names
    return replace(loaded, cells=cells, labels=loaded.labels.set_axis(cells.obs_names))


def _on_one_names(
    parts: Sequence[LabelledCells], options: SpeciesOptions, dataset: Dataset, files: Mapping[str, Path]
) -> list[Table]:
    """The parts with names of genes that mean the same in all of them."""
    if options.orthologs is None:
        return [_named(part, part.cells.var_names.str.upper()) for part in parts]
    pairs = one_to_one(file_of(files, options.orthologs.file, dataset.id))
    human_of = {name: dict(zip(pairs[name], pairs["human"], strict=True)) for name in pairs.columns}
    return [
        _named(part, part.cells.var_names.map(human_of[given.species]))
        for part, given in zip(parts, options.parts, strict=True)
    ]


def _named(part: LabelledCells, symbols: pd.Index) -> Table:
    """Counts on the genes that have a symbol which is no other's."""
    once = np.flatnonzero(~symbols.duplicated(keep=False) & symbols.notna())
    names = part.cells.obs_names.tolist()
    return Table(part.cells.X[:, once], names, symbols[once].tolist(), pd.DataFrame(index=names))
