"""The ranges that an observer finds."""

import pytest
import torch

from workbench.quantize.pt2e.observers import PercentileObserver, static_config

BITS = {"dtype": torch.int8, "quant_min": -128, "quant_max": 127}


@pytest.mark.parametrize(("clipped_share", "ends"), [(0.0, (0.0, 99.0)), (0.1, (10.0, 89.0))])
def test_percentile_leaves_out_a_share_at_each_end(clipped_share: float, ends: tuple[float, float]) -> None:
    observer = PercentileObserver(clipped_share, **BITS)
    observer(torch.randperm(100).float())
    assert (float(observer.min_val), float(observer.max_val)) == ends
    assert observer.observed == (0.0, 99.0)


def test_percentile_weighs_batches_by_their_sizes() -> None:
    observer = PercentileObserver(0.0, **BITS)
    for values in ([-1.0, 1.0], [-4.0, 4.0, 0.0, 0.0, 0.0, 0.0]):
        observer(torch.tensor(values))
    assert float(observer.max_val) == pytest.approx((2 * 1 + 6 * 4) / 8)
    assert float(observer.calculate_qparams()[0]) == pytest.approx(6.5 / 255)


@pytest.mark.parametrize("observer", ["min-max", "moving-average", "histogram", "percentile"])
@pytest.mark.parametrize("per_channel", [True, False])
def test_static_config_has_symmetric_weights(observer: str, per_channel: bool) -> None:
    config = static_config(observer, 0.01, per_channel)  # type: ignore[arg-type]
    expected = torch.per_channel_symmetric if per_channel else torch.per_tensor_symmetric
    assert (config.weight.qscheme, config.weight.quant_min, config.weight.quant_max) == (expected, -127, 127)
    assert config.input_activation is config.output_activation
