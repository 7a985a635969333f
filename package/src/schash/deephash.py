"""scDeepHash: learn a hash function that maps a cell to the code of its type's anchor (Ma et al. 2022).

The paper's text and its released code differ in many places; each difference is a named option, and
`variant` sets them all at once: see `schash._presets`.
"""

from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from schash import _presets
from schash._checks import as_data_error, check_labels, hold_out
from schash._features import Features, fit_features
from schash._genes import align_genes, check_genes
from schash._learned_anchors import AnchorNetwork, check_distinct
from schash._network import HashNetwork, Shape
from schash._training import LabelledInputs, nearest_distances, relaxed_codes, train
from schash.anchors import check_anchors, check_bits, make_anchors
from schash.errors import ConfigError, DataError
from schash.hamming import BitCodes, hamming_distances, pack_bits, unpack_bits
from schash.losses import class_weights
from schash.seeds import derive_seed
from schash.values import ValuesKind, check_kind

Matrix = sparse.spmatrix | sparse.sparray | np.ndarray | pd.DataFrame


class DeepHash(ClassifierMixin, BaseEstimator):
    """Annotate cells, and give them binary codes, by a learned hash function with one predefined anchor per
    type.

    Parameters
    ----------
    preset : "compact", which trains in seconds on two cores, or "paper", the published network (use a GPU)
    variant : "as_written" in the paper, or "as_coded" in its released code
    n_bits : bits of a code, at least 8; None takes the variant's choice: the paper's rule, or 64
    anchors : "sampled", "first_rows", "learned" (`schash._learned_anchors`) or an (n_types, n_bits) array of 0
        and 1 in the order of the sorted types; None takes the variant's choice: sampled as written, first rows as coded
    seed : of the anchors, the projection, the initial weights, the order of the cells and the dropout
    device : "auto" (CUDA where there is one, then Apple's MPS, else the CPU) or a torch device
    overrides : any option of `schash._presets.Options`, such as lambda_, gamma, beta, input, steps or hidden

    Attributes
    ----------
    anchors_ : BitCodes, one code per type, in the order of `classes_`; `schash.anchors.describe_anchors` says
        how far apart they are
    classes_ : (n_types,) sorted types
    history_ : DataFrame of step, loss, cell_anchor, quantisation, separation (only with learned anchors) and
        validation_median_f1 (NaN where there was no validation)
    genes_ : (n_genes,) names of the genes, or None where fit was given none
    values_ : kind of values that the model was trained on
    options_ : all options, resolved
    n_features_in_ : number of genes

    Notes
    -----
    Ties of distance go to the type that comes first in `classes_`. The same seed on the same machine with
    the same number of threads gives the same numbers.
    """

    def __init__(
        self,
        preset: str = "compact",
        variant: str = "as_written",
        n_bits: int | None = None,
        anchors: str | np.ndarray | None = None,
        seed: int = 0,
        device: str = "auto",
        **overrides: Any,
    ) -> None:
        _presets.check_names(overrides)
        self.preset = preset
        self.variant = variant
        self.n_bits = n_bits
        self.anchors = anchors
        self.seed = seed
        self.device = device
        self.overrides = overrides

    def fit(
        self,
        X: Matrix,
        y: Any,
        *,
        genes: Any = None,
        values: str = "counts",
    ) -> Self:
        """Learn from labelled cells.

        Parameters
        ----------
        X : (n_cells, n_genes), CSR or dense
        y : (n_cells,) types
        genes : (n_genes,) names, by which the genes of queries are found; None if queries have the same
            columns
        values : what the numbers are (`schash.values`). Counts and other linear values are transformed as
            the `input` option says; values that already went through a logarithm, a correction or a
            compression are taken as they are

        Raises
        ------
        DataError
            for NaN, infinities, negative values where the kind forbids them, repeated genes, fewer than two
            types
        ConfigError
            for options that do not fit each other or the number of types; for types that learned the same anchor
        """
        options = self._resolve()
        kind = check_kind(values)
        csr = self._cells(X, kind, reset=True)
        names = None if genes is None else check_genes(genes, csr.shape[1])
        labels = check_labels(y, csr.shape[0])
        classes, types = np.unique(labels, return_inverse=True)  # (n_types,), (n_cells,)
        if len(classes) < 2:
            message = f"y must hold at least 2 types, found 1 class: {str(classes[0])!r}"
            raise DataError(message)
        anchors = self._make_anchors(options, len(classes))
        rows, held_out = hold_out(types, options.validation_fraction, self.seed)
        features = fit_features(csr[rows], kind, options, seed=self.seed)
        network = _build(features, anchors, options, seed=self.seed, learn=options.learns_anchors)
        network = network.to(_device(self.device))
        weights = class_weights(
            np.bincount(types[rows], minlength=len(classes)), options.beta, scheme=options.class_weight
        )
        history = train(
            network,
            LabelledInputs(features(csr[rows]), types[rows]),
            LabelledInputs(features(csr[held_out]), types[held_out]) if len(held_out) else None,
            weights,
            options,
            seed=self.seed,
        )
        if options.learns_anchors:
            anchors = network.settle_anchors()
        if options.learns_anchors and options.anchor_margin:
            check_distinct(anchors, classes)
        self.classes_, self.values_ = classes, kind
        self.genes_: Any = names
        self.anchors_, self.history_, self.options_ = pack_bits(anchors), history, options
        self._features, self._network = features, network
        return self

    def relaxed_codes(self, X: Matrix, *, genes: Any = None) -> np.ndarray:
        """The codes before they are made binary: h in [0, 1], (n_cells, n_bits) float32.

        As coded, tanh = 2h - 1.
        """
        check_is_fitted(self, "anchors_")
        csr = self._query(X, genes)
        return relaxed_codes(self._network, self._features(csr))

    def encode(self, X: Matrix, *, genes: Any = None) -> BitCodes:
        """Binary codes: bit k is h_k > 0.5.

        As coded (`tanh_float`), the sign of the tanh, which its authors never take.
        """
        return pack_bits(self.relaxed_codes(X, genes=genes) > 0.5)

    def decision_distances(self, X: Matrix, *, genes: Any = None) -> np.ndarray:
        """Distance of every cell's code to every anchor, (n_cells, n_types).

        Int32 in bits, or float32 for `l1`.
        """
        h = self.relaxed_codes(X, genes=genes)
        if self.options_.distance == "hamming":
            return hamming_distances(pack_bits(h > 0.5), self.anchors_)
        return nearest_distances(h, unpack_bits(self.anchors_), self.options_.distance)

    def predict(self, X: Matrix, *, genes: Any = None) -> np.ndarray:
        """Type of the nearest anchor, (n_cells,); a tie goes to the type that comes first in `classes_`."""
        nearest = self.decision_distances(X, genes=genes).argmin(axis=1)
        labels: np.ndarray = self.classes_[nearest]
        return labels

    def save(self, path: str | Path) -> None:
        """Write the model into one file (safetensors: no pickle), whole or not at all."""
        from schash._model_state import save_model

        check_is_fitted(self, "anchors_")
        save_model(self, path)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> Self:
        """Read what `save` wrote; `ModelFileError` where the file is not such a model or is damaged."""
        from schash._model_state import load_model

        return load_model(cls, path, device=device)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name, the overrides among them."""
        return {**super().get_params(deep=deep), **self.overrides}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; any override may be among them."""
        own = set(super().get_params(deep=False))
        overrides = {name: value for name, value in params.items() if name not in own}
        _presets.check_names(overrides)
        for name in own & set(params):
            setattr(self, name, params[name])
        self.overrides = {**self.overrides, **overrides}
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True  # counts, unless `values` says otherwise
        return tags

    def _resolve(self) -> _presets.Options:
        given = {**self.overrides, "n_bits": self.n_bits, "anchors": self.anchors}
        return _presets.resolve(self.preset, self.variant, given)

    def _cells(self, X: Matrix, kind: ValuesKind, *, reset: bool) -> sparse.csr_matrix:
        checked = as_data_error(validate_data)(
            self, X, reset=reset, accept_sparse="csr", dtype=np.float32, ensure_min_samples=int(reset)
        )
        csr = sparse.csr_matrix(checked)
        if not csr.has_canonical_format:
            csr = csr.copy()
            csr.sum_duplicates()
        if kind != "corrected" and csr.nnz and csr.data.min() < 0:
            message = f"Negative values in data: {kind!r} cannot be below 0, found {float(csr.data.min()):g}"
            raise DataError(message)
        return csr

    def _query(self, X: Matrix, genes: Any) -> sparse.csr_matrix:
        if genes is None:
            return self._cells(X, self.values_, reset=False)
        if self.genes_ is None:
            message = "genes were given for the query but not to fit: leave them out, or fit with genes"
            raise DataError(message)
        return self._cells(align_genes(X, genes, self.genes_), self.values_, reset=False)

    def _make_anchors(self, options: _presets.Options, n_types: int) -> np.ndarray:
        if not isinstance(options.anchors, str):
            given = check_anchors(options.anchors, n_types)
            if self.n_bits not in (None, given.shape[1]):
                message = f"n_bits={self.n_bits}, but the anchors given have {given.shape[1]} bits"
                raise ConfigError(message)
            return given
        if options.learns_anchors:  # nothing yet
            return np.zeros((n_types, check_bits(options.n_bits, n_types)), dtype=np.bool_)
        return make_anchors(n_types, options.n_bits, scheme=options.anchors, seed=self.seed)


def _build(
    features: Features, anchors: np.ndarray, options: _presets.Options, *, seed: int, learn: bool = False
) -> HashNetwork:
    """The network before training; `learn`: with one for its anchors, in the place of those given."""
    shape = Shape(
        n_inputs=features.n_features,
        hidden=options.hidden,
        n_members=options.n_members,
        sparse_input=options.projection is None,
        head=options.head,
        sharpness=2.0 if options.code == "tanh_float" else 1.0,
        dropout=options.dropout,
        n_dropout=options.n_dropout,
    )
    network = HashNetwork(shape, anchors, seed=seed)
    if learn:
        own_seed = derive_seed("anchors", seed)  # else both networks start with the same draws
        network.anchor_network = AnchorNetwork(*anchors.shape, seed=own_seed)
    return network


def _device(name: str) -> torch.device:
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        return torch.device(name)
    except RuntimeError as error:
        message = f"device={name!r} is not a torch device; use auto, cpu, cuda, cuda:0, mps"
        raise ConfigError(message) from error
