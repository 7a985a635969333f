"""Which of our numbers stands beside a published one, or why none does.

Which run
    That of the experiment `target`, or, for annotation, of any experiment with the same data set, scheme and method.
    A run that lacks a fold has no number, since the others flatter it. Pooled values do not count.
Data sets
    The paper's own, by id. Only where it did not run, a stand-in: one that names it, by id or by `data_name`, as whole
    words in its `stand_in` text, capitals aside; the one with the most cells first. Sizes and seconds of a stand-in say
    nothing and are not compared. Cells that the paper aligned are stood in for by cells that we aligned, Tabula Muris
    as CellFishing.jl has it by that of scDeepHash and its stand-ins, and rare types of man by those of the mouse.
Methods
    `deephash` is whichever preset ran, `deephash_paper` before `deephash_compact`.
Metrics
    schash.published_metrics. Derived ones, by fold, where the experiment did not record them itself: X_spread is the
    largest minus the smallest value of X over folds, X_gap_to_M is X of the row's method minus X of method M, and
    X_ratio_to_M is X of the row's method divided by X of M.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from schash.expected import PRESETS
from schash.published_mapping import with_mapping_metrics
from schash.published_metrics import AT_THE_PAPERS_SIZE, OF_METHODS, Form, OfMethods, forms
from schash.tables import POOLED

QUANTITIES = ("cells", "genes", "types", "types_over_10")
"""Facts of a data set, compared with table1 and never with a stand-in."""
FACTS = {name: name for name in QUANTITIES} | {"orthologs": "genes"}
"""What a paper calls a fact, to ours: the genes of two species' cells are their orthologs."""

ALIGNED = {"zenodo_pancreas_aligned": "zenodo_pancreas"}
"""Cells that the paper aligned, to the same cells as they were: our alignment of those stands in for it."""

SAME_CELLS = {"baron_mouse_geo": "baron_mouse"}
"""A data set, to the same published files from another host."""

OTHERWISE_FILTERED = {"tabula_muris_droplet": "zenodo_tm"}
"""Cells of CellFishing.jl, to those of the same experiment that scDeepHash has."""
ALSO_CALLED = {"TabulaMuris": "TM"}
"""What CellFishing.jl calls a data set, to what scDeepHash, and so the whole text of a stand-in, calls it."""

RARE_TYPES = {"baron_human_geo": "baron_mouse"}
"""Cells whose stand-ins lack the rare types, to a data set of the same tissue that has them."""

_ONE_TYPE = re.compile(r"consistency_of_\w+")
_ANNOTATION = re.compile(r"(median_f1|macro_f1|accuracy)(_union|_lenient)?|kappa|consistency|coverage")
_DERIVED = re.compile(r"(?P<base>\w+?)_(?:spread|(?P<kind>gap|ratio)_to_(?P<other>\w+))")
_SIZE = re.compile(r"(cells|genes|types)(_\w+)?|share_of_\w+|\w+_m?s")


@dataclass(frozen=True)
class Measured:
    """Our number: its values by fold, where they are from, and what differs from the paper's way to measure it."""

    values: pd.Series
    dataset: str
    method: str = ""
    metric: str = ""
    notes: tuple[str, ...] = ()


class _Place(NamedTuple):
    dataset: str
    scheme: str


def measure(row: Any, metrics: pd.DataFrame, sizes: pd.DataFrame) -> Measured | str:
    """Our number beside a row of EXPECTED_COLUMNS, or why there is none.

    metrics : schash.tables.METRIC_COLUMNS; sizes : QUANTITIES and `stand_in_for` by data set
    """
    found = _quantity(row, sizes) if row.metric in FACTS else _search(row, metrics, sizes)
    if isinstance(found, Measured) and not np.isfinite(found.values.mean(skipna=False)):
        return f"our value on {found.dataset} is not a finite number"
    return found


def _quantity(row: Any, sizes: pd.DataFrame) -> Measured | str:
    if row.dataset in sizes.index:
        return Measured(pd.Series([float(sizes[FACTS[row.metric]][row.dataset])]), row.dataset)
    if row.dataset in SAME_CELLS and SAME_CELLS[row.dataset] in sizes.index:
        name = SAME_CELLS[row.dataset]
        values = pd.Series([float(sizes[FACTS[row.metric]][name])])
        return Measured(values, row.dataset, notes=(f"as {name}, the same files",))
    has_stand_in = any(_names(text, row) for text in sizes["stand_in_for"])
    return f"data set not in this suite{'; the size of a stand-in says nothing' if has_stand_in else ''}"


def _search(row: Any, metrics: pd.DataFrame, sizes: pd.DataFrame) -> Measured | str:
    no_target = "" if (metrics["experiment"] == row.target).any() else "experiment not in this suite"
    base = _base(row.metric)
    metrics = with_mapping_metrics(metrics, base)
    target = metrics["experiment"] == row.target
    shared = bool(row.scheme) and bool(_ANNOTATION.fullmatch(base))
    rows = metrics.iloc[np.argsort(~target, kind="stable")] if shared else metrics[target]
    places = _places(row, rows, sizes)
    if not places:
        return no_target or _no_place(row, rows)
    as_large = places[0].dataset in (row.dataset, OTHERWISE_FILTERED.get(row.dataset))
    if not as_large and _says_nothing(row.metric):
        return "data set not in this suite; the size or time of a stand-in says nothing"
    reasons = []
    for place in places:
        here = rows[
            (rows["dataset"] == place.dataset) & (rows["scheme"].eq(place.scheme) | (not place.scheme))
        ]
        found = _first_form(here, row)
        if isinstance(found, Measured):
            return found
        reasons.append(found)
    return no_target or reasons[0]


def _places(row: Any, rows: pd.DataFrame, sizes: pd.DataFrame) -> list[_Place]:
    """The paper's own data set where it ran, else its stand-ins, the largest first; each with the scheme to look at."""
    scheme = f"{row.scheme}_mnn" if row.dataset in ALIGNED else row.scheme
    own = rows[rows["scheme"] == row.scheme] if row.scheme else rows
    if row.dataset in set(own["dataset"]):
        return [_Place(row.dataset, row.scheme)]
    others = rows[rows["scheme"] == scheme] if scheme else rows
    texts = others.drop_duplicates("dataset").set_index("dataset")["stand_in"]
    stand_ins = [name for name, text in texts.items() if _names(text, row)]
    cells = sizes["cells"].reindex(stand_ins).fillna(0)
    near = {table[row.dataset] for table in (ALIGNED, OTHERWISE_FILTERED) if row.dataset in table}
    ordered = [*near.intersection(texts.index), *cells.sort_values(ascending=False, kind="stable").index]
    if _ONE_TYPE.fullmatch(row.metric) and RARE_TYPES.get(row.dataset) in texts.index:
        ordered.append(RARE_TYPES[row.dataset])
    return [_Place(str(name), scheme) for name in ordered]


def _no_place(row: Any, rows: pd.DataFrame) -> str:
    if row.scheme and row.scheme not in set(rows["scheme"]):
        return f"scheme {row.scheme} not run"
    return (
        f"scheme {row.scheme} not run on aligned cells"
        if row.dataset in ALIGNED
        else "data set not in this suite"
    )


def _names(text: str, row: Any) -> bool:
    data_name = row.data_name.removesuffix(", aligned")  # a stand-in is aligned by its scheme
    names = "|".join(re.escape(name) for name in (row.dataset, data_name))
    named = re.search(rf"(?<![\w-])({names})(?![\w-])", text, flags=re.IGNORECASE)
    return bool(named) or text == ALSO_CALLED.get(data_name)


def _says_nothing(metric: str) -> bool:
    return bool(_SIZE.fullmatch(metric)) and metric not in AT_THE_PAPERS_SIZE


def _base(metric: str) -> str:
    derived = _DERIVED.fullmatch(metric)
    return derived["base"] if derived else metric


def _first_form(rows: pd.DataFrame, row: Any) -> Measured | str:
    """The number on one data set in the first form that has it, else the most telling reason why none has."""
    if row.metric in OF_METHODS:
        return _of_methods(rows, OF_METHODS[row.metric])
    reasons = []
    for form, derived in _ways(row):
        found = _by_preset(rows, row.method, form.metric, derived)
        if isinstance(found, Measured):
            return replace(found, notes=tuple(_notes(rows, found, form, derived)))
        reasons.append(found)
    telling = [reason for reason in reasons if not reason.startswith("metric not measured")]
    return next(iter(telling), f"metric not measured: {_base(row.metric)}")


def _ways(row: Any) -> Iterator[tuple[Form, re.Match[str] | None]]:
    for form in forms(row.metric, row.dataset):
        yield form, None
    if derived := _DERIVED.fullmatch(row.metric):
        for form in forms(derived["base"], row.dataset):
            yield form, derived


def _notes(rows: pd.DataFrame, found: Measured, form: Form, derived: re.Match[str] | None) -> Iterator[str]:
    if form.note:
        number = _values(rows, found.method, form.number) if form.number else ""
        yield form.note.format(number="unknown" if isinstance(number, str) else f"{number.mean():.3g}")
    if form.beside:
        beside = _by_preset(rows, found.method, form.beside, derived)
        if isinstance(beside, Measured):
            yield f"80% of the cells searched ({beside.values.mean():.3f} with 60%, which fits the paper's k)"


def _by_preset(
    rows: pd.DataFrame, method: str, metric: str, derived: re.Match[str] | None = None
) -> Measured | str:
    """The first of the method's presets that has the metric, else the most telling reason why none has."""
    reasons = []
    for name in PRESETS.get(method, (method,)):
        values = _derive(rows, name, metric, derived) if derived else _values(rows, name, metric)
        if not isinstance(values, str):
            return Measured(values, str(rows["dataset"].iloc[0]), name, metric)
        reasons.append(values)
    missing = [f"method not run: {name}" for name in PRESETS.get(method, (method,))]
    return next((one for one in reasons if one not in missing), f"method not run: {method}")


def _values(rows: pd.DataFrame, method: str, metric: str) -> pd.Series | str:
    """Values of one metric by (seed, fold), from the first complete run that has it; else why there are none."""
    mine = rows[rows["method"] == method] if method else rows
    if mine.empty:
        return f"method not run: {method}"
    runs = [run for _, run in mine.groupby(["experiment", "scheme", "method"], sort=False)]
    having = [run for run in runs if ((run["metric"] == metric) & (run["status"] == "ok")).any()]
    if not having:
        failures = [_failure(run) for run in runs if method]
        return next(filter(None, failures), f"metric not measured: {metric}")
    run = min(having, key=lambda run: bool(_failure(run, metric)))
    if failure := _failure(run, metric):
        return failure
    folds = run[(run["metric"] == metric) & (run["fold"] != POOLED)]
    unknown = folds.loc[folds["value"].isna() & (folds["reason"] != ""), "reason"]
    if len(unknown):
        return str(unknown.iloc[0])
    values = folds.set_index(["seed", "fold"])["value"]
    return f"{metric} only pooled" if values.empty else values.sort_index()


def _failure(run: pd.DataFrame, metric: str | None = None) -> str:
    """The first fold that did not run, or, of one metric, the first that says so of the whole run or of that metric."""
    failed = run[(run["status"] != "ok") & (run["metric"].isin(["", metric]) if metric else True)].head(1)
    return "".join(f"{row.status} in fold {row.fold}: {row.reason}" for row in failed.itertuples())


def _derive(rows: pd.DataFrame, method: str, metric: str, derived: re.Match[str]) -> pd.Series | str:
    values = _values(rows, method, metric)
    if isinstance(values, str):
        return values
    if not derived["kind"]:
        return pd.Series([values.max() - values.min()]) if len(values) > 1 else "one fold has no spread"
    other = _by_preset(rows, derived["other"], metric)
    if isinstance(other, str):
        return other
    if not values.index.equals(other.values.index):
        return f"not on the same folds as {other.method}"
    return values - other.values if derived["kind"] == "gap" else values / other.values


def _of_methods(rows: pd.DataFrame, number: OfMethods) -> Measured | str:
    found = [_values(rows, name, number.metric) for name in number.methods]
    values = [one for one in found if not isinstance(one, str)]
    if len(values) < len(found):
        return next(one for one in found if isinstance(one, str))
    means = [one.mean() for one in values]
    result = values[0] - values[1] if number.kind == "difference" else pd.Series([max(means) - min(means)])
    return Measured(result, str(rows["dataset"].iloc[0]), ", ".join(number.methods), number.metric)
