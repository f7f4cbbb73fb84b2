"""The rules of a recipe against the layers of the stream."""

import re

import pytest

from tests.helpers.models.quantized import float_model
from workbench.errors import LoweringError, ModelError
from workbench.quantize.layers import layers
from workbench.quantize.scopes import check_schemes, check_scopes, requested_scheme, shortened_names
from workbench.recipe import Quantization


def test_rule_that_matches_no_layer_is_refused() -> None:
    model = float_model()
    check_scopes(model, Quantization(parts={"encoder": "int8-dynamic", "encoder.first": "none"}))
    with pytest.raises(
        ModelError, match=f": decoder: matches no layer .*known layers: {re.escape(shortened_names(layers(model)))}$"
    ):
        check_scopes(model, Quantization(parts={"decoder": "int8-static", "encoder": "int8-dynamic"}))


def test_integer_weights_of_a_convolution_are_refused_with_the_layers_that_can() -> None:
    message = (
        r"apply to Linears, not to encoder\.toeplitz\.conv; .* can: frontend\.group\.\(0 to .*, confidence\.linear$"
    )
    with pytest.raises(ModelError, match=message):
        check_scopes(float_model(), Quantization(parts={"encoder.toeplitz": "int4-weights"}))


def test_layers_that_differ_in_a_number_are_listed_together() -> None:
    frequencies = [f"a.{index}.0.frequency.{number}" for index in (0, 1) for number in range(12)]
    names = [*frequencies, "b.0.project", "b.0.expand", "b.1.project", "b.1.expand", "c", "d.0", "d.2", "e.7"]
    assert shortened_names(names) == (
        "a.0.0.frequency.(0 to 11), a.1.0.frequency.(0 to 11), b.(0, 1).project, b.(0, 1).expand, c, d.(0, 2), e.7"
    )


PARTS = {"a": "int8-static", "a.x": "none", "b": "int8-static-per-tensor", "c": "int8-dynamic", "e": "int8-weights"}
RULES = Quantization(parts=PARTS, leaky_relu="float")


def test_requested_scheme_is_that_of_the_most_specific_rule() -> None:
    layers = {"a.y": "static", "a.x": "none", "b.z": "static-per-tensor", "c": "dynamic", "d": "none", "e": PARTS["e"]}
    assert {layer: requested_scheme(RULES, layer) for layer in layers} == layers


def test_schemes_other_than_requested_are_all_listed() -> None:
    check_schemes({"a.y": "static", "d": "none"}, RULES)
    with pytest.raises(LoweringError) as caught:
        check_schemes({"a.y": "static", "a.x": "activation only", "c": "none"}, RULES)
    for words in ("a.x is activation only, expected none; c is none, expected dynamic (", "XNNPACK", "residual_add"):
        assert words in str(caught.value)
