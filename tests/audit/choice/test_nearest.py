"""What is nearest to passing if nothing passes, and the hint for each missed gate."""

import pytest

from tests.helpers.records.choices import ALL, FAST, MIDDLE, NATIVE, WORSE, pick_of
from tests.helpers.records.results import replaced
from workbench.audit.choice.pick import pick
from workbench.runtime.state_protocol import protocol_of


def test_pick_names_what_is_nearest_if_nothing_passes() -> None:
    limits = {"deviation.pitch.p95_cents": "<= 2", "program.bytes": "<= 1400", "delay.variant.delay_ms": None}
    assert pick(ALL, "smallest", {**limits, "program.bytes": "<= 2000"}).nearest == ()
    nearest = pick(ALL, "smallest", limits).nearest
    assert [(each.name, [miss.metric for miss in each.misses]) for each in nearest] == [
        ("middle", ["program.bytes"]),  # 7 % beyond
        ("accurate", ["program.bytes"]),
        ("small", ["deviation.pitch.p95_cents"]),  # 3 times beyond
    ]
    (miss,) = nearest[0].misses
    assert (miss.value, miss.beyond, miss.share) == pytest.approx((1500, 100, 1 / 14))
    assert miss.hint == "int8-dynamic for encoder.prefilter"  # the recipe has none
    unfair = replaced(MIDDLE, "protocol", protocol_of("variant-reset-per-chunk"))
    assert pick_of(unfair, objective="smallest", limits=limits).nearest == ()  # no limit makes it pass


WEIGHTS = "int8-weights in place of int4-weights, int16-weights in place of int12-weights"
STATIC = "int8-dynamic in place of int8-static, or none for the last layer (encoder.toeplitz)"


@pytest.mark.parametrize(
    ("parts", "frontend", "band", "metric", "hint"),
    [
        (["int8-static"], "upstream", 1.0, "deviation.pitch.p95_cents", STATIC),
        (
            ["int8-dynamic"],
            "upstream",
            1.0,
            "deviation.pitch.p95_cents",
            "scheme none for some parts in quantization.parts",
        ),
        (["int12-weights"], "low-rank", 1.0, "deviation.confidence.max", f"{WEIGHTS}, or a smaller frontend_tolerance"),
        ([], "upstream", 0.5, "deviation.pitch.p95_cents", "a larger lowering.prefilter_band"),
        ([], "upstream", 1.0, "latency.algorithmic_ms", "a larger mirror or a smaller chunk_samples"),
        ([], "upstream", 1.0, "floor.pitch.p95_cents", ""),
    ],
)
def test_hint_is_of_the_recipe_and_the_metric(
    parts: list[str], frontend: str, band: float, metric: str, hint: str
) -> None:
    result = replaced(MIDDLE, "recipe.resolved.quantization.parts", dict(zip("abc", parts, strict=False)))
    result = replaced(
        replaced(result, "recipe.resolved.frontend", frontend), "recipe.resolved.lowering.prefilter_band", band
    )
    (nearest,) = pick_of(result, limits={metric: "<= 1e-9"}).nearest
    assert [miss.hint for miss in nearest.misses] == [hint]


def test_native_gates_count_in_what_is_nearest() -> None:
    limits = {"speed.native.p99_us": "<= 150", "deviation.pitch.p95_cents": "<= 10"}
    choice = pick_of(*NATIVE, FAST.replace(recipe=WORSE.recipe), limits=limits)
    (nearest, *_) = choice.nearest
    (miss,) = nearest.misses
    assert (nearest.name, miss.metric) == ("middle", "speed.native.p99_us")
    assert (miss.value, miss.share) == pytest.approx((1000 / 12 + 100, 2 / 9))
    assert {each.name: each.verdict for each in choice.rejected}["worse"] == "inconclusive"  # not timed natively
