"""Colours and markers: every compared method has its own, also for readers who see two dimensions of colour."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import yaml
from matplotlib.colors import to_rgb

from schash.plotting.style import (
    FAMILIES,
    LOOKS,
    OTHER_COLOURS,
    OTHER_MARKERS,
    VARIANTS,
    colour,
    family,
    family_colour,
    marker,
)

CONFIG = Path(__file__).parents[2] / "config"

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB
DICHROMACIES = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
XYZ_OF_RGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = XYZ_OF_RGB.sum(axis=1)


def lab(code, dichromacy="none"):
    """CIELAB (D65) of an sRGB colour as somebody with that colour vision sees it."""
    rgb = np.array(to_rgb(code))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    t = XYZ_OF_RGB @ np.clip(DICHROMACIES[dichromacy] @ linear, 0, 1) / WHITE
    x, y, z = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distances(dichromacy):
    """(CIE 1976 distance, one look, another) of all pairs, methods that are not listed among them."""
    others = [("other", code, sign) for code, sign in zip(OTHER_COLOURS, OTHER_MARKERS, strict=False)]
    for a, b in itertools.combinations([*LOOKS.values(), *others], 2):
        yield np.linalg.norm(lab(a[1], dichromacy) - lab(b[1], dichromacy)), a, b


def test_lab_by_hand():
    np.testing.assert_allclose(lab("#FFFFFF"), [100, 0, 0], atol=0.01)
    np.testing.assert_allclose(lab("#FF0000"), [53.24, 80.09, 67.20], atol=0.02)
    red, green = lab("#FF0000", "deuteranopia"), lab("#8A7A00", "deuteranopia")
    assert abs(red[1]) < 20 < 60 < lab("#FF0000")[1]  # red loses its redness
    assert abs(green[1]) < 20


@pytest.mark.parametrize(
    ("dichromacy", "smallest"), [("none", 20), ("protanopia", 11), ("deuteranopia", 11), ("tritanopia", 8)]
)
def test_families_are_apart_for_every_kind_of_colour_vision(dichromacy, smallest):
    between = [(d, a, b) for d, a, b in distances(dichromacy) if a[0] != b[0]]
    assert min(between)[0] > smallest


@pytest.mark.parametrize("dichromacy", list(DICHROMACIES))
def test_what_colour_does_not_tell_apart_the_marker_does(dichromacy):
    for distance, a, b in distances(dichromacy):
        assert distance > 7
        if distance < 15:
            assert a[2] != b[2], (a, b)


def test_deephash_stands_out():
    ours = LOOKS["deephash_compact"].colour
    chroma = {name: float(np.hypot(*lab(look.colour)[1:])) for name, look in LOOKS.items()}
    assert chroma["deephash_compact"] > 75
    for dichromacy in DICHROMACIES:
        others = [look.colour for name, look in LOOKS.items() if name != "deephash_compact"]
        nearest = min(np.linalg.norm(lab(ours, dichromacy) - lab(code, dichromacy)) for code in others)
        assert nearest > 15, dichromacy


def test_controls_are_grey_and_all_colours_are_seen_on_white():
    for name, look in LOOKS.items():
        lightness, a, b = lab(look.colour)
        assert lightness < 80, name
        assert (np.hypot(a, b) < 3) == (look.family == "control"), name


def test_every_compared_method_has_a_look_of_its_own():
    assert len({look.colour for look in LOOKS.values()}) == len(LOOKS)
    assert {look.family for look in LOOKS.values()} == set(FAMILIES) - {"other"}
    rows = yaml.safe_load((CONFIG / "methods.yaml").read_text())["methods"]
    assert {name for name in rows if not name.startswith(("variant_", "fig4_", "cf_"))} <= set(LOOKS) | set(
        VARIANTS
    )
    grey = {name for name, look in LOOKS.items() if look.family == "control"}
    assert grey <= {name for name, row in rows.items() if row.get("control")}


def test_settings_of_a_method_look_like_it():
    for name, known in (("cf_t128_l1", "cellfishing"), ("cf_scmap_1000_genes", "scmap_cell")):
        assert (colour(name), marker(name), family(name)) == (colour(known), marker(known), family(known))
    assert colour("cf_deephash") == colour("deephash_compact")


def test_members_of_a_family_share_no_marker():
    for key in FAMILIES:
        signs = [look.marker for look in LOOKS.values() if look.family == key]
        assert len(set(signs)) == len(signs)


def test_a_method_that_is_not_listed_looks_like_none_that_is():
    names = [f"my_method_{i}" for i in range(60)]
    known = {look.colour for look in LOOKS.values()}
    assert not known & {colour(name) for name in names}
    assert {family(name) for name in names} == {"other"}
    assert len({(colour(name), marker(name)) for name in names}) > 10
    assert (colour("my_method_1"), marker("my_method_1")) == ("#07262E", "P")  # the same in every process


def test_a_listed_method_has_its_row():
    assert (colour("svm"), marker("svm"), family("svm")) == ("#0D4D83", "s", "linear")
    assert family_colour("hashing") == colour("deephash_compact")
    assert family_colour("other") == "#000000"
