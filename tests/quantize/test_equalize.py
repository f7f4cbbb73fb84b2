"""Equalization changes weights and ranges, and not the function."""

import pytest
import torch

from tests.helpers.models.quantized import float_model, phrase
from workbench.errors import ModelError
from workbench.model.encoder import Encoder
from workbench.quantize.calibration import part_inputs
from workbench.quantize.equalize import equalize
from workbench.recipe.stream_config import Implementations


def spreads(encoder: Encoder, rows: torch.Tensor) -> list[float]:
    """Returns the largest channel over the smallest in the input of each narrow convolution."""
    largest: list[torch.Tensor] = []
    for layer in encoder.narrow[::2]:
        layer.register_forward_pre_hook(lambda _, inputs: largest.append(inputs[0].abs().amax((0, 2, 3))))
    encoder(rows)
    return [float(channels.max() / channels.min()) for channels in largest[: len(encoder.narrow[::2])]]


@pytest.mark.parametrize("residual", [True, False])
def test_equalize_keeps_outputs_and_evens_channels(residual: bool) -> None:
    model = float_model()
    encoder = model.encoder
    encoder.residual = residual
    rows = part_inputs(model, [torch.tensor(phrase())])["encoder"][0]
    output, weight, before = encoder(rows), encoder.prefilter[0][0].weight.clone(), spreads(encoder, rows)
    equalize(encoder, rows)
    assert not torch.allclose(encoder.prefilter[0][0].weight, weight, rtol=0.1)
    torch.testing.assert_close(encoder(rows), output, rtol=1e-3, atol=1e-6)
    after = spreads(encoder, rows)
    assert len(after) > 1 and all(found < earlier for found, earlier in zip(after, before, strict=True))


def test_equalize_refuses_convolutions_in_the_frequency_domain() -> None:
    model = float_model(Implementations(prefilter="fourier"))
    with pytest.raises(ModelError, match=r"requires lowering\.prefilter: conv"):
        equalize(model.encoder, torch.zeros(1, 219))
