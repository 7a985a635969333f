"""Where DeepHash's time goes when it annotates: features, network, distances."""

from typing import Any

from schash._training import relaxed_codes
from schash.deephash import DeepHash, Matrix
from schash.timing import measured


def stage_seconds(model: DeepHash, X: Matrix, *, genes: Any = None) -> dict[str, float]:
    """Seconds of `model.decision_distances(X)`: "features" (transform, projection), "network", and "distances", all
    that is left."""
    with measured() as whole:
        model.decision_distances(X, genes=genes)
    with measured() as before:
        inputs = model._features(model._query(X, genes))
    with measured() as network:
        relaxed_codes(model._network, inputs)
    rest = max(whole.seconds - before.seconds - network.seconds, 0.0)
    return {"features": before.seconds, "network": network.seconds, "distances": rest}
