"""The error of each layer, and the correction of biases by it."""

import numpy as np
import pytest
import torch

from tests.helpers.quantized import float_model, quantized
from workbench.model.streaming import StreamingPesto
from workbench.quantize.calibration import part_inputs
from workbench.quantize.layers import layers
from workbench.quantize.results import Quantized
from workbench.recipe import Quantization

pytestmark = pytest.mark.slow


def test_layer_snr_shows_where_the_error_is_caused(mixed: tuple[StreamingPesto, Quantized]) -> None:
    errors = {error.layer: error for error in mixed[1].calibration.gaps}
    assert list(errors) == [name for name in layers(float_model()) if name.startswith("encoder.")]
    first = errors["encoder.first.0"]
    assert first.through_db is first.alone_db is None  # float, and no int8 layer before it
    assert first.null_reasons == dict.fromkeys(("through_db", "alone_db"), "equal to float")
    wide = [errors[f"encoder.prefilter.{index}.0"] for index in (0, 1)]
    assert wide[0].through_db == pytest.approx(wide[0].alone_db)
    assert 20 < wide[1].through_db < wide[1].alone_db < 60
    last = errors["encoder.narrow.6"]  # float with float inputs: it causes no error, and passes on that of others
    assert last.alone_db is None and 20 < last.through_db < 60


def test_corrected_biases_reduce_the_mean_error(phrase: np.ndarray) -> None:
    rules = Quantization(parts={"encoder": "int8-static", "encoder.first": "none"})
    rows = part_inputs(float_model(), [torch.tensor(phrase)])["encoder"][0]

    def centred_logits(model: StreamingPesto) -> torch.Tensor:
        logits = model.encoder(rows).clamp(min=1e-30).log()
        return logits - logits.mean(-1, keepdim=True)

    def bias_error(correct: bool) -> float:
        model, result = quantized(rules.model_copy(update={"correct_bias": correct}), phrase)
        assert result.calibration.corrected_biases == (6 if correct else 0)
        return float((centred_logits(model) - centred_logits(float_model())).mean(0).abs().mean())

    assert bias_error(correct=True) < bias_error(correct=False)
