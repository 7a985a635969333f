"""Losses: values worked out by hand, torch's cross-entropy as an oracle, properties."""

import math

import numpy as np
import pytest
import torch

from schash.errors import ConfigError
from schash.losses import (
    cauchy_quantisation,
    cell_anchor_loss,
    class_weights,
    smooth_anchors,
    squared_quantisation,
)


def test_class_weights_by_hand():
    # (1 - 0.5) / (1 - 0.5^n) for n = 1, 2: 1 and 2/3
    np.testing.assert_allclose(class_weights([1, 2], 0.5), [1, 2 / 3])
    np.testing.assert_allclose(class_weights([1, 2], 0.5, scheme="effective_sum_m"), [1.2, 0.8])
    np.testing.assert_array_equal(class_weights([1, 2], 0.5, scheme="none"), [1, 1])


def test_class_weights_run_from_equal_to_one_over_n():
    n = np.array([10, 100, 1000])
    np.testing.assert_array_equal(class_weights(n, 0.0), [1, 1, 1])
    np.testing.assert_allclose(class_weights(n, 1 - 1e-9), 1 / n, rtol=1e-5)


def test_rescaled_weights_sum_to_the_number_of_types():
    assert class_weights([3, 50, 700, 8], 0.9999, scheme="effective_sum_m").sum() == pytest.approx(4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], 1.0), "beta must be in"),
        (([1, 2], -0.1), "beta must be in"),
        (([0, 2], 0.9), "at least one training cell"),
        (([1, 2], 0.9, "inverse"), "allowed: effective, effective_sum_m, none"),
    ],
)
def test_bad_class_weights_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        class_weights(*arguments[:2], scheme=(*arguments, "effective")[2])


def test_cell_anchor_loss_by_hand():
    h = torch.tensor([[0.5, 0.25]])
    anchors = torch.tensor([[1.0, 0.0]])
    expected = -(math.log(0.5) + math.log(0.75))
    assert cell_anchor_loss(h, anchors, torch.ones(1)).item() == pytest.approx(expected)
    assert cell_anchor_loss(h, anchors, torch.tensor([3.0])).item() == pytest.approx(3 * expected)
    assert cell_anchor_loss(h, anchors, torch.ones(1), reduction="mean").item() == pytest.approx(expected / 2)


def test_cell_anchor_loss_equals_torchs_with_its_gradient():
    generator = torch.Generator().manual_seed(0)
    z = (torch.randn(5, 7, 16, generator=generator) * 3).requires_grad_()
    anchors = (torch.rand(5, 7, 16, generator=generator) > 0.5).float()
    ours = cell_anchor_loss(torch.sigmoid(z), anchors, torch.ones(5, 7)).sum()
    torchs = torch.nn.functional.binary_cross_entropy_with_logits(z, anchors, reduction="sum")
    torch.testing.assert_close(ours, torchs, rtol=1e-4, atol=1e-4)  # float32 through the sigmoid
    (gradient,) = torch.autograd.grad(ours, z)
    torch.testing.assert_close(gradient, torch.sigmoid(z.detach()) - anchors, atol=1e-4, rtol=1e-4)


def test_saturated_codes_have_finite_losses():
    h = torch.tensor([[0.0, 1.0]], requires_grad=True)
    loss = (
        cell_anchor_loss(h, torch.tensor([[1.0, 0.0]]), torch.ones(1)).sum()
        + cauchy_quantisation(h, 1.0).sum()
    )
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(h.grad).all()


def test_smoothing_draws_bits_towards_one_half():
    torch.testing.assert_close(smooth_anchors(torch.tensor([0.0, 1.0]), 0.1), torch.tensor([0.05, 0.95]))
    torch.testing.assert_close(smooth_anchors(torch.tensor([0.0, 1.0]), 0.0), torch.tensor([0.0, 1.0]))


def test_quantisation_by_hand():
    h = torch.tensor([[0.5, 0.75, 1.0, 0.0]])  # |2h - 1| = 0, 1/2, 1, 1: D = 1.5
    assert cauchy_quantisation(h, 0.5).item() == pytest.approx(math.log(1 + 1.5 / 0.5))
    assert squared_quantisation(h).item() == pytest.approx((1 + 0.25) / 4)


@pytest.mark.parametrize("loss", [lambda h: cauchy_quantisation(h, 2.0), squared_quantisation])
def test_quantisation_is_0_for_binary_codes_largest_at_one_half_and_symmetric(loss):
    assert loss(torch.tensor([[0.0, 1.0, 1.0]])).item() == 0
    h = torch.rand(50, 8, generator=torch.Generator().manual_seed(1))
    assert (loss(h) <= loss(torch.full((1, 8), 0.5))).all()
    torch.testing.assert_close(loss(h), loss(1 - h))
