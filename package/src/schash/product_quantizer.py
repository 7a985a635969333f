"""Product quantisation of vectors for search by cosine (Jegou et al. 2011, as scmap-cell uses it).

The dimensions are cut into chunks. In each chunk the vectors are clustered by k-means, and a vector is stored as the
numbers of its clusters: n_chunks small integers. It stands for the vector that its centroids make up, side by side,

    r = (c_1[code_1], ..., c_M[code_M]),

and <q, r> is a sum of M inner products <q_m, c_m[code_m]>, which are looked up in a table made once for each query.

Choices where k-means and chunks leave room:

* The first centroids are distinct subvectors drawn at random, one start. (R's `kmeans` draws vectors, and among the
  distinct ones if two of them coincide.) Lloyd's algorithm of scikit-learn, at most 50 iterations; R's default is that
  of Hartigan and Wong.
* A chunk with no more distinct subvectors than centroids keeps each of them: it loses nothing.
* Dimensions that do not divide evenly make some chunks wider by one.
* k-means of a chunk runs on one thread and several chunks at a time, so that the result does not depend on the number
  of threads.
"""

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import ThreadpoolController

from schash._product_quantizer_kernels import add_up
from schash._threads import share_out
from schash.errors import ConfigError, DataError

MAX_ITER = 50
_QUERY_BLOCK = 16


class ProductQuantizer:
    """Vectors as codes of `n_chunks` numbers below `n_centroids`, and cosine similarities to them.

    unit_centroids : bring each centroid to length 1, as scmap's code does: all chunks then count alike in a stored
        vector, however little of it lies in them, and its length is taken for sqrt(n_chunks), zero centroids or not

    Attributes
    ----------
    centroids_ : (n_chunks, k, widest chunk) float32, zeros where a chunk is narrower or has fewer centroids
    codes_ : (n, n_chunks) unsigned integers of the smallest type that holds k - 1
    edges_ : (n_chunks + 1,) int64; chunk m takes the columns edges_[m] to edges_[m + 1] - 1
    """

    def __init__(
        self, *, n_chunks: int, n_centroids: int, unit_centroids: bool = False, seed: int = 0
    ) -> None:
        for name, value in (("n_chunks", n_chunks), ("n_centroids", n_centroids)):
            if value < 1:
                message = f"{name} must be at least 1, got {value}"
                raise ConfigError(message)
        self.n_chunks = n_chunks
        self.n_centroids = n_centroids
        self.unit_centroids = unit_centroids
        self.seed = seed

    def fit(self, vectors: np.ndarray) -> "ProductQuantizer":
        """Cluster and encode `vectors` (n, n_dims)."""
        n, n_dims = vectors.shape
        if n == 0 or n_dims < self.n_chunks:
            message = (
                f"{self.n_chunks} chunks need at least as many dimensions and a vector, got {n} of {n_dims}"
            )
            raise DataError(message)
        widths = [len(columns) for columns in np.array_split(np.arange(n_dims), self.n_chunks)]
        self.edges_ = np.cumsum([0, *widths])
        centroids, codes = self._cluster(np.ascontiguousarray(vectors, dtype=np.float32))
        k = max(len(each) for each in centroids)
        self.centroids_ = np.zeros((self.n_chunks, k, max(widths)), dtype=np.float32)
        for chunk, each in enumerate(centroids):
            self.centroids_[chunk, : len(each), : each.shape[1]] = (
                _units(each) if self.unit_centroids else each
            )
        self.codes_ = np.stack(codes, axis=1).astype(np.min_scalar_type(k - 1))
        self._scales = self._inverse_lengths()
        return self

    def reconstruct(self) -> np.ndarray:
        """The vectors that the codes stand for: (n, n_dims) float32."""
        chunks = np.diff(self.edges_)
        return np.hstack([self.centroids_[m, self.codes_[:, m], : chunks[m]] for m in range(self.n_chunks)])

    def cosine(self, queries: np.ndarray) -> np.ndarray:
        """Cosine similarity of each query (n_query, n_dims) to each reconstructed vector; 0 where one of them is 0.

        Returns (n_query, n) float32. A query's row does not depend on the other queries.
        """
        queries = np.ascontiguousarray(_units(queries), dtype=np.float32)
        products = np.empty((len(queries), len(self.codes_)), dtype=np.float32)

        def run(start: int, end: int) -> None:
            add_up(queries, self.centroids_, self.edges_, self.codes_, self._scales, start, end, products)

        share_out(run, len(queries), block=_QUERY_BLOCK)
        return products

    def _inverse_lengths(self) -> np.ndarray:
        if self.unit_centroids:
            return np.full(len(self.codes_), 1 / np.sqrt(self.n_chunks), dtype=np.float32)
        return _inverse(np.linalg.norm(self.reconstruct(), axis=1))

    def _cluster(self, vectors: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Centroids (k, width) and codes (n,) of each chunk."""
        centroids: list[np.ndarray] = [np.empty(0)] * self.n_chunks
        codes: list[np.ndarray] = [np.empty(0)] * self.n_chunks
        threads = ThreadpoolController()

        def run(start: int, end: int) -> None:
            with threads.limit(limits=1, user_api="openmp"):
                for chunk in range(start, end):
                    columns = vectors[:, self.edges_[chunk] : self.edges_[chunk + 1]]
                    centroids[chunk], codes[chunk] = self._cluster_chunk(columns, chunk)

        # scikit-learn sets BLAS to one thread and back around each k-means; of several at once the last would put back
        # what another one had set, unless it is one thread here already
        with threads.limit(limits=1, user_api="blas"), warnings.catch_warnings():
            # an empty cluster is no harm: nothing is coded by it
            warnings.simplefilter("ignore", ConvergenceWarning)
            share_out(run, self.n_chunks, block=1)
        return centroids, codes

    def _cluster_chunk(self, columns: np.ndarray, chunk: int) -> tuple[np.ndarray, np.ndarray]:
        distinct, code, weight = np.unique(columns, axis=0, return_inverse=True, return_counts=True)
        if len(distinct) <= self.n_centroids:
            return distinct, code
        rng = np.random.default_rng([self.seed, chunk])
        first = distinct[rng.choice(len(distinct), self.n_centroids, replace=False)]
        kmeans = KMeans(self.n_centroids, init=first, n_init=1, max_iter=MAX_ITER, random_state=self.seed)
        kmeans.fit(distinct, sample_weight=weight)
        return kmeans.cluster_centers_, kmeans.labels_[code]


def _inverse(norms: np.ndarray) -> np.ndarray:
    return np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)


def _units(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1; a row of zeros stays."""
    return vectors * _inverse(np.linalg.norm(vectors, axis=1))[:, np.newaxis]
