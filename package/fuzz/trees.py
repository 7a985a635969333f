"""Changes of the structure of what YAML and JSON hold: mappings, lists and values."""

import copy
from collections.abc import Iterator
from typing import Any

from fuzz.mutations import TEXTS, Rng, pick

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, -(10**30), float("nan"), float("inf"), "", "x", [], {}, [1, "a", None], {"a": {"b": 1}},  # noqa: E501
    [[[[]]]], "12", "yes", 2**31, 2**63,
)  # fmt: skip


def places(tree: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to everything below the root."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*above, key)
        yield from places(value, (*above, key))


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def deep(depth: int) -> Any:
    tree: Any = 1
    for i in range(depth):
        tree = [tree] if i % 2 else {"a": tree}
    return tree


def change_tree(rng: Rng, tree: Any) -> tuple[Any, str]:
    """A copy with one change, and what it was."""
    tree = copy.deepcopy(tree)
    paths = list(places(tree))
    if not paths:
        return pick(rng, VALUES), "root replaced"
    path = paths[int(rng.integers(len(paths)))]
    owner, key = at(tree, path[:-1]), path[-1]
    where, way = ".".join(map(str, path))[:80], int(rng.integers(9))
    if way == 0:
        del owner[key]
        return tree, f"without {where}"
    if way in (1, 2):
        owner[key] = copy.deepcopy(pick(rng, VALUES))
    elif way == 3:
        owner[key] = pick(rng, TEXTS)
    elif way == 4:
        owner[key] = [owner[key]] if rng.random() < 0.5 else {str(pick(rng, TEXTS)): owner[key]}
    elif way == 5 and isinstance(owner, dict):
        new: Any = pick(rng, (*TEXTS, 1, None, True, 1.5, str(key) + "x", str(key).upper()))
        owner[new] = owner.pop(key)
    elif way == 6:
        owner[key] = copy.deepcopy(at(tree, paths[int(rng.integers(len(paths)))]))
    elif way == 7 and rng.random() < 0.3:
        owner[key] = deep(int(rng.choice([50, 400])))
    else:
        value = owner[key]
        owner[key] = (
            -value if isinstance(value, int | float) else f"{value}x" if isinstance(value, str) else None
        )
    return tree, f"{where} = {owner.get(key) if isinstance(owner, dict) else owner[key]!r}"[:160]
