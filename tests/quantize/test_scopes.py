"""The rules of a recipe against the layers of the stream."""

import pytest

from tests.helpers.quantized import float_model
from workbench.errors import LoweringError, ModelError
from workbench.quantize.layers import layers
from workbench.quantize.scopes import check_schemes, check_scopes, requested_scheme
from workbench.recipe import Quantization


def test_rule_that_matches_no_layer_is_refused() -> None:
    model = float_model()
    check_scopes(model, Quantization(parts={"encoder": "int8-dynamic", "encoder.first": "none"}))
    with pytest.raises(ModelError, match=f": decoder: matches no layer .*known layers: {', '.join(layers(model))}"):
        check_scopes(model, Quantization(parts={"decoder": "int8-static", "encoder": "int8-dynamic"}))


def test_integer_weights_of_a_convolution_are_refused_with_the_layers_that_can() -> None:
    message = r"are for Linears, not for encoder\.toeplitz\.conv; .* can: frontend\.group\.0.*, confidence\.linear$"
    with pytest.raises(ModelError, match=message):
        check_scopes(float_model(), Quantization(parts={"encoder.toeplitz": "int4-weights"}))


RULES = Quantization(
    parts={
        **{"a": "int8-static", "a.x": "none", "b": "int8-static-per-tensor", "c": "int8-dynamic", "e": "int8-weights"},
    },
    leaky_relu="float",
)


@pytest.mark.parametrize(
    ("layer", "scheme"),
    [
        ("a.y", "static"),
        ("a.x", "none"),
        ("b.z", "static-per-tensor"),
        ("c", "dynamic"),
        ("d", "none"),
        ("e", "int8-weights"),
    ],
)
def test_requested_scheme_is_that_of_the_most_specific_rule(layer: str, scheme: str) -> None:
    assert requested_scheme(RULES, layer) == scheme


def test_schemes_other_than_requested_are_all_listed() -> None:
    check_schemes({"a.y": "static", "d": "none"}, RULES)
    with pytest.raises(LoweringError) as caught:
        check_schemes({"a.y": "static", "a.x": "activation only", "c": "none"}, RULES)
    for words in ("a.x is activation only, expected none; c is none, expected dynamic (", "XNNPACK", "residual_add"):
        assert words in str(caught.value)
