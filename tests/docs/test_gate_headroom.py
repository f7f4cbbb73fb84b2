"""Gates of shipped recipes leave room for other processors."""

import pytest

from tools.docs.gates import Headroom, headrooms, most_used
from workbench.recipe import Gate


@pytest.mark.parametrize(
    ("metric", "limit", "figure", "enough"),
    [
        ("deviation.pitch.max_untied_cents", 0.2, 0.0938, True),
        ("deviation.pitch.max_untied_cents", 0.1, 0.0938, False),
        ("deviation.confidence.max", 1e-4, 7e-5, False),
        ("deviation.pitch.p95_cents", 1.0, 0.79, True),
        ("deviation.pitch.over_50_cents_rate", 0.01, 0.009, False),
        ("deviation.voicing_flip_rate", 0.0, 0.0, True),
        ("program.bytes", 800_000.0, 799_999.0, True),
    ],
)
def test_share_of_a_limit(metric: str, limit: float, figure: float, enough: bool) -> None:
    gate = Gate(metric, "<=", limit)
    assert Headroom("r", gate, figure, most_used(gate)).is_enough is enough


def test_every_shipped_gate_has_headroom() -> None:
    found = list(headrooms())
    assert len(found) > 50
    tight = [
        f"{one.variant}: {one.gate.metric} is {one.figure:.4g}, limit {one.gate}" for one in found if not one.is_enough
    ]
    assert tight == []
