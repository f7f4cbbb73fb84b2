"""Layers with integer weights, one group for each kind and scheme."""

import pytest

from workbench.audit.weight_groups import WeightGroup, layer_kind, weight_groups
from workbench.quantize.results import StoredWeights


@pytest.mark.parametrize(
    ("layer", "kind"),
    [("frontend.group.12.expand", "frontend.group.*.expand"), ("a.0.1.b.2", "a.*.b.*"), ("conv2.x3", "conv2.x3")],
)
def test_kind_has_no_numbers(layer: str, kind: str) -> None:
    assert layer_kind(layer) == kind


def test_groups_have_the_sums_of_their_layers() -> None:
    weights = [
        StoredWeights(layer=layer, scheme=scheme, bytes=5, float_bytes=16, saved_bytes=1, error_relative=error)
        for layer, scheme, error in [
            ("a.0", "int8-weights", 0.1),
            ("a.1", "int4-weights", 0.2),
            ("a.2", "int8-weights", 0.3),
        ]
    ]
    assert weight_groups(weights) == [
        WeightGroup("a.*", "int8-weights", 2, 10, 32, 0.3),
        WeightGroup("a.*", "int4-weights", 1, 5, 16, 0.2),
    ]
    assert weight_groups(weights)[0].text() == "2 layers, 10 bytes (32 in float)"
