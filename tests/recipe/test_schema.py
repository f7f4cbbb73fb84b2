"""The keys of a recipe: derived values, and every mistake as one line."""

from dataclasses import replace

import pytest

from tests.helpers.recipe_files import KNOWN_NAMES, LEAST, load, problems_of, with_keys, write
from workbench.recipe import Gate, gates_of, read_limits
from workbench.recipe.stream_config import Implementations, StreamConfig


@pytest.mark.parametrize(
    ("keys", "config"),
    [
        ("", StreamConfig(48_000, 960, 1, 1.0)),
        ("frames_per_chunk: 4", StreamConfig(48_000, 240, 4, 1.0)),
        ("frames_per_chunk: {min: 4, max: 4}", StreamConfig(48_000, 240, 4, 1.0)),
        ("frames_per_chunk: {min: 2, max: 8}\nstreams: 3", StreamConfig(48_000, 480, 2, 1.0, 8, 3)),
    ],
)
def test_stream_config_of_a_recipe(keys: str, config: StreamConfig) -> None:
    (recipe,) = load(LEAST + keys)
    assert recipe.stream_config == config
    assert (recipe.hop_samples, recipe.max_frames) == (config.hop_samples, config.max_frames)


def test_implementations_of_a_recipe() -> None:
    lowering = "lowering: {prefilter: fourier, prefilter_band: 0.5, toeplitz: block}\n"
    (recipe,) = load(f"{LEAST}frontend: low-rank\nfrontend_tolerance: 1e-3\n{lowering}")
    assert recipe.implementations == Implementations("low-rank", "fourier", "block", 0.5, 1e-3)


def test_gates_are_parsed_and_written_back() -> None:
    (recipe,) = load(
        LEAST + "gates: {program.bytes: '<= 800_000', speed.speedup_p50: '>=4', deviation.confidence.max: <= 1e-4}"
    )
    assert recipe.gates == (
        Gate("program.bytes", "<=", 800_000.0),
        Gate("speed.speedup_p50", ">=", 4.0),
        Gate("deviation.confidence.max", "<=", 1e-4),
    )
    assert list(recipe.resolved()["gates"].values()) == ["<= 800000", ">= 4", "<= 0.0001"]


@pytest.mark.parametrize(
    ("limit", "number"),
    [
        ("<= 800 kB", 800_000.0),
        ("<= 1.5MB", 1_500_000.0),
        ("<= 1_000 KiB", 1_024_000.0),
        (">= 2 MiB", 2_097_152.0),
        ("<= 5 bytes", 5.0),
    ],
)
def test_limit_of_bytes_can_have_a_unit(limit: str, number: float) -> None:
    (recipe,) = load(LEAST + f"gates: {{program.bytes: '{limit}'}}")
    assert recipe.gates == (Gate("program.bytes", limit[:2], number),)
    assert gates_of(recipe.resolved()["gates"]) == recipe.gates


def test_limit_of_time_can_have_a_unit() -> None:
    known = replace(KNOWN_NAMES, metrics=("speed.load_ms", "speed.chunk_ms", "speed.native.p99_us"))
    text = "speed.load_ms: <= 500 us\nspeed.chunk_ms: <= 2 s\nspeed.native.p99_us: <= 0.5 ms\n"
    limits = read_limits(write("limits.yaml", text), known)
    assert [gate.limit for gate in gates_of(limits)] == [0.5, 2000.0, 500.0]


def test_sha256_depends_on_values_not_on_the_file() -> None:
    (first,) = load(LEAST, "one.yaml")
    (same,) = load("mirror: 1.0\nframes_per_chunk: 1\n" + LEAST.replace("mirror: 1\n", ""), "other/two.yaml")
    (different,) = load(LEAST.replace("960", "480"), "three.yaml")
    assert first.sha256 == same.sha256 != different.sha256
    assert len(first.sha256) == 64


MISTAKES = [
    ("mirror: true", "mirror: expected a number, got true"),
    ("mirror:", "mirror: expected a number, got nothing"),
    ("sample_rate_hz: 48000.0", "sample_rate_hz: expected a whole number, got 48000.0"),
    ("trust_checkpoint: yes", "trust_checkpoint: expected true or false, got 'yes'"),
    ("description: 5", "description: expected text, got 5"),
    ("description: ' '", "description: expected the purpose of the recipe on one line, got nothing"),
    ('description: "a\\nb"', "description: expected the purpose of the recipe on one line, got several"),
    ("quantization: {parts: {encoder: fp16}}", "quantization.parts.encoder: fp16 is not available"),
    ("quantization: {everywhere: true, parts: {encoder: none}}", "parts: everywhere quantizes the whole graph"),
    ("quantization: {everywhere: true, equalize: true}", "quantization: everywhere uses the quantizer's defaults"),
    (
        "quantization: {parts: {encoder.narrow: int8-dynamic}, correct_bias: true}",
        "correct_bias requires static schemes",
    ),
    (
        "lowering: {prefilter: fourier}\nquantization: {parts: {encoder: int8-static}, equalize: true}",
        "prefilter: conv",
    ),
    ("outputs: [volume]", "outputs: expected pitch among the outputs, got volume"),
    ("outputs: [pitch, pitch]", "outputs: expected each output once, got pitch, pitch"),
    ("outputs: [pitch]\npostprocess: {confidence_threshold: 0.5}", "requires confidence among the outputs, got pitch"),
    ("lowering: {prefilter_band: 0}", "lowering.prefilter_band: expected more than 0, got 0"),
    ("lowering: {prefilter_band: 0.5}", "lowering: prefilter_band requires prefilter: fourier, got conv"),
    ("frames_per_chunk: [1, 32]", "frames_per_chunk: expected a whole number, got a list"),
    ("frames_per_chunk: {min: 1}", "frames_per_chunk.max: is missing"),
    ("frames_per_chunk: {min: 4, max: 2}", "frames_per_chunk.max: expected at least min (4), got 2"),
    ("frames_per_chunk: {min: 1, max: 4, step: 2}", "frames_per_chunk.step: is not a recipe key"),
    ("frames_per_chunk: {min: 7, max: 9}", "frames_per_chunk: expected a divisor of chunk_samples (960), got 7"),
    ("frames_per_chunk: {min: 1, max: 4}\nquantization: {everywhere: true}", "quantization: everywhere requires"),
    ("frontend: group", "'upstream', 'grouped', 'low-rank' or 'three-stage', got 'group' (did you mean 'grouped'?)"),
    ("lowering:", "lowering: expected a mapping of keys to values, got nothing"),
    ("speed: {round: 5}", "speed.round: is not a recipe key (did you mean 'rounds'?)"),
    ("backend: portable", "backend: is not a recipe key (did you mean 'lowering.backend'?)"),
    ("extend: base", "extend: is not a recipe key (did you mean 'extends'?)"),
    ('? "a\\nb"\n: 1', "'a\\nb': is not a recipe key"),
    ("audio: {calibrate: sung/verse}", "audio.calibrate: expected a list, got 'sung/verse'"),
    ("audio: {score: []}", "audio.score: expected at least one clip, got an empty list"),
    ("audio: {score: [sung/]}", "audio.score.0: 'sung/' is a folder (did you mean 'sung/*'?)"),
    ("audio: {score: ['sung/*', 'snug/*']}", "audio.score.1: there is no folder 'snug' for 'snug/*'"),
    ("audio: {calibrate: ['sung/*']}", "audio: calibrate and score share 'sung/verse'; remove them from one"),
    ("gates: {program.bytes: null}", "gates.program.bytes: null removes an inherited gate, but none is inherited"),
    *(
        (f"gates: {{program.bytes: {limit}}}", "expected a limit")
        for limit in ("'< {5}'", "'<= 1e999'", "'<= 1__0'", "'<= kB'", "5")
    ),
    (
        "gates: {speed.speedup_p50: '>= 5 ms'}",
        "gates.speed.speedup_p50: expected a number without a unit, got '>= 5 ms'",
    ),
]


@pytest.mark.parametrize(("text", "problem"), MISTAKES, ids=[text[:50] for text, _ in MISTAKES])
def test_mistake_is_one_line(text: str, problem: str) -> None:
    (found,) = problems_of(with_keys(text))
    assert found.startswith("r.yaml: ") and problem in found
