"""fig2c: many types stay legible, numbers are those of the cells, nothing covers anything else."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Text
from test_style import DICHROMACIES, lab

from schash.embedding_scoring import CELL_COLUMNS
from schash.plotting.fig2c import SPACES, draw_fig2c, fig2c
from schash.plotting.many_types import HUES, SHAPES, medoids, spread_labels, type_looks
from schash.plotting.style import save_figure

FACT = {"dataset": "d", "stand_in_for": "", "simulated": False, "values": "counts"}
TITLES = {"deephash_compact": "DeepHash (compact)"}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def cells(n_types=92, n_each=4, dataset="d", method="deephash_compact"):
    """Types around random centres; purity in space i is i / 10, and type 1 has 0.9 more."""
    rng = np.random.default_rng(0)
    parts = []
    for place, space in enumerate(SPACES):
        number = np.repeat(np.arange(1, n_types + 1), n_each)
        centres = rng.normal(size=(n_types, 2)) * 20
        xy = centres[number - 1] + rng.normal(size=(len(number), 2))
        purity = place / 10 + 0.8 * (number == 1)
        columns = {
            "x": xy[:, 0],
            "y": xy[:, 1],
            "number": number,
            "purity": purity,
            "row": np.arange(len(number)),
        }
        parts.append(pd.DataFrame(columns).assign(space=space, n_dimensions=50 + place))
    table = pd.concat(parts, ignore_index=True)
    table["family"] = (table["number"] - 1) * 8 // n_types
    table["type"] = [f"L{number} VISp type" for number in table["number"]]
    measures = {"map_purity": 0.25, "silhouette": -0.5, "map_silhouette": 0.125}
    table = table.assign(dataset=dataset, scheme="cv5", method=method, fold=0, **measures)
    return table[list(CELL_COLUMNS)].astype(CELL_COLUMNS)


def test_table():
    table = fig2c(cells(n_types=4), TITLES).set_index(["space", "number"])
    assert table["title"].unique().tolist() == ["DeepHash (compact)"]
    assert list(table.index.get_level_values("space").unique()) == list(SPACES)
    whole = table.loc[("relaxed", 0)]
    assert (whole["type"], whole["cells"], whole["n_dimensions"]) == ("all", 16, 51)
    assert whole["purity"] == pytest.approx(0.1 + 0.8 / 4)
    assert table.loc[("codes", 1), "purity"] == pytest.approx(1.0)
    assert table.loc[("codes", 2), "purity"] == pytest.approx(0.2)
    assert len(table) == 3 * 5


def test_panels_say_what_was_measured(tmp_path):
    figure = draw_fig2c(cells(n_types=4), [FACT], TITLES)
    maps = figure.subfigs[0].axes[:3]
    assert [axis.get_title(loc="left") for axis in maps] == [title for title, _ in SPACES.values()]
    said = [text.get_text() for text in maps[1].texts]
    assert "purity 0.30, on the map 0.25;  silhouette -0.50, on the map 0.12" in said
    assert "51 outputs of the network, in [0, 1]" in said
    assert "50 principal components of ln(1 + scaled counts)" in [text.get_text() for text in maps[0].texts]
    head = [text.get_text() for text in figure.subfigs[0].texts]
    assert head[0] == "d"
    assert head[1].startswith(
        "DeepHash (compact); 16 query cells of fold 1, which it was not fitted on; 4 types"
    )
    paths = {name: str(tmp_path / f"a.{name}") for name in ("png", "svg", "tsv")}
    save_figure(figure, fig2c(cells(n_types=4), TITLES), **paths)


def test_what_is_shown_of_other_values_and_of_stand_ins():
    fact = {**FACT, "values": "lognorm", "stand_in_for": "AMB92"}
    figure = draw_fig2c(cells(n_types=2), [fact], TITLES)
    texts = [text.get_text() for text in figure.subfigs[0].axes[0].texts]
    assert "50 principal components of the values as given, lognorm" in texts
    assert figure.subfigs[0].texts[0].get_text() == "d (stand-in)"


def test_a_block_for_each_data_set_and_method():
    both = pd.concat([cells(3), cells(5, dataset="e"), cells(3, method="other")])
    facts = [FACT, {**FACT, "dataset": "e", "stand_in_for": "x", "simulated": True}]
    figure = draw_fig2c(both, facts, TITLES)
    assert [part.texts[0].get_text() for part in figure.subfigs] == ["d", "d", "e (simulated)"] or [
        part.texts[0].get_text() for part in figure.subfigs
    ] == ["d", "e (simulated)", "d"]


def test_every_type_of_92_is_numbered_on_the_map_and_in_the_legend_without_overlap():
    figure = draw_fig2c(cells(), [FACT], TITLES)
    figure.canvas.draw()
    *maps, legend = figure.subfigs[0].axes
    numbers = {str(number) for number in range(1, 93)}
    for axis in maps:
        boxes = {
            text.get_text(): Text.get_window_extent(text)  # without its line
            for text in axis.texts
            if text.get_text() in numbers
        }
        assert set(boxes) == numbers
        for a, b in itertools.combinations(boxes.values(), 2):
            assert not (a.shrunk(0.9, 0.75).overlaps(b.shrunk(0.9, 0.75)))
    entries = [text for text in legend.texts if text.get_text().startswith("L")]
    assert [text.get_text() for text in entries] == [f"L{n} VISp type (4)" for n in range(1, 93)]
    boxes = [text.get_window_extent() for text in legend.texts]
    whole = figure.bbox
    for box in boxes:
        assert box.x0 >= whole.x0 and box.x1 <= whole.x1 and box.y0 >= whole.y0  # noqa: PT018
        assert all(box.y1 <= axis.get_window_extent().y0 for axis in maps)
    for a, b in itertools.combinations(boxes, 2):
        assert not a.overlaps(b)


def test_medoid_is_a_cell_of_the_type_and_no_outlier():
    table = pd.DataFrame({"number": [1, 1, 1, 1, 2], "x": [0.0, 1, 2, 90, 5], "y": [0.0, 0, 0, 0, 7]})
    found = medoids(table)
    assert found.loc[1].tolist() == [1, 0] or found.loc[1].tolist() == [2, 0]
    assert found.loc[2].tolist() == [5, 7]


def test_labels_apart_stay_and_labels_together_part():
    apart = np.array([[0.0, 0], [10, 0]])
    np.testing.assert_array_equal(spread_labels(apart, (2, 1)), apart)
    rng = np.random.default_rng(1)
    placed = spread_labels(rng.normal(size=(40, 2)), (1, 0.5))
    gaps = np.abs(placed[:, None] - placed[None]) / (1, 0.5)
    np.fill_diagonal(gaps[..., 0], 9)
    assert gaps.max(axis=2).min() > 0.999
    same = spread_labels(np.zeros((3, 2)), (1, 1))
    assert len(np.unique(same.round(3), axis=0)) == 3


def test_looks():
    families = [0] * 20 + [1] * 7 + [2]
    looks = type_looks(families)
    assert len(set(looks)) == len(families)
    assert looks[-1].colour == HUES[2].lower()
    for a, b in itertools.pairwise(looks[:20]):
        assert a.marker != b.marker
    lightness = [lab(look.colour)[0] for look in looks[:20]]
    assert lightness == sorted(lightness)
    assert lightness[-1] - lightness[0] > 30
    assert len(SHAPES) == len(set(SHAPES)) == 7


@pytest.mark.parametrize(("dichromacy", "smallest"), [*zip(DICHROMACIES, (30, 12, 11, 12), strict=True)])
def test_hues_are_apart_for_every_kind_of_colour_vision(dichromacy, smallest):
    distances = [
        np.linalg.norm(lab(a, dichromacy) - lab(b, dichromacy)) for a, b in itertools.combinations(HUES, 2)
    ]
    assert min(distances) > smallest, min(distances)
