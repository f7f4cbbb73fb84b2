"""The keys of a recipe: defaults, derived values, and every mistake as one line."""

import pytest

from tests.helpers.recipe_files import LEAST, load, problems_of, with_keys
from workbench.recipe import Gate
from workbench.recipe.stream_config import Implementations, StreamConfig


def test_defaults_of_the_least_recipe() -> None:
    (recipe,) = load(LEAST)
    assert recipe.gates == ()
    assert recipe.resolved() == {
        "description": "A test",
        "checkpoint": "mir-1k_g7",
        "trust_checkpoint": False,
        "sample_rate_hz": 48000,
        "chunk_samples": 960,
        "frames_per_chunk": 1,
        "streams": 1,
        "mirror": 1.0,
        "reduction": "alwa",
        "state": "internal",
        "outputs": ["pitch", "confidence", "volume"],
        "protocol": "continuous",
        "frontend": "upstream",
        "frontend_tolerance": 1e-4,
        "lowering": {
            "backend": "xnnpack",
            "scope": "whole",
            "toeplitz": "linear",
            "prefilter": "conv",
            "prefilter_band": 1.0,
        },
        "quantization": {
            "everywhere": False,
            "parts": {},
            "observer": "min-max",
            "outside": 1e-4,
            "seconds_per_clip": 3600.0,
            "seed": 0,
            "equalize": False,
            "correct_bias": False,
            "leaky_relu": "int8",
            "residual_add": "float",
        },
        "postprocess": {"confidence_threshold": None},
        "audio": {
            "calibrate": ["synthetic/calibrate/*", "sung/calibrate/*"],
            "score": ["synthetic/score/*", "sung/*"],
        },
        "scoring": {"voiced_confidence": 0.5, "min_voiced_frames": 100},
        "speed": {"threads": 1, "rounds": 20, "chunks_per_round": 25, "warmup_chunks": 20},
        "gates": {},
    }


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
    (recipe,) = load(
        LEAST + "frontend: low-rank\nfrontend_tolerance: 1e-3\n"
        "lowering: {prefilter: fourier, prefilter_band: 0.5, toeplitz: block}\n"
    )
    assert recipe.implementations == Implementations("low-rank", "fourier", "block", 0.5, 1e-3)


def test_recipe_is_frozen() -> None:
    (recipe,) = load(LEAST)
    with pytest.raises(ValueError, match="frozen"):
        recipe.mirror = 0.0  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        recipe.speed.threads = 2  # type: ignore[misc]


def test_gates_are_parsed_and_written_back() -> None:
    (recipe,) = load(
        LEAST + "gates:\n  deviation.pitch.p95_cents: <= 0.01\n  program.bytes: '<= 800_000'\n"
        "  speed.speedup_p50: '>=4'\n  deviation.confidence.max: <= 1e-4\n"
    )
    assert recipe.gates == (
        Gate("deviation.pitch.p95_cents", "<=", 0.01),
        Gate("program.bytes", "<=", 800_000.0),
        Gate("speed.speedup_p50", ">=", 4.0),
        Gate("deviation.confidence.max", "<=", 1e-4),
    )
    assert recipe.resolved()["gates"] == {
        "deviation.pitch.p95_cents": "<= 0.01",
        "program.bytes": "<= 800000",
        "speed.speedup_p50": ">= 4",
        "deviation.confidence.max": "<= 0.0001",
    }


def test_sha256_depends_on_values_not_on_the_file() -> None:
    (first,) = load(LEAST, "one.yaml")
    (same,) = load("mirror: 1.0\nframes_per_chunk: 1\n" + LEAST.replace("mirror: 1\n", ""), "other/two.yaml")
    (different,) = load(LEAST.replace("960", "480"), "three.yaml")
    assert first.sha256 == same.sha256 != different.sha256
    assert len(first.sha256) == 64


MISTAKES = [
    ("mirror: 2", "mirror: expected at most 1, got 2"),
    ("mirror: true", "mirror: expected a number, got true"),
    ("mirror: .nan", "mirror: expected a finite number, got nan"),
    ("mirror:", "mirror: expected a number, got nothing"),
    ("sample_rate_hz: 4000", "sample_rate_hz: expected at least 8000, got 4000"),
    ("sample_rate_hz: 48000.0", "sample_rate_hz: expected a whole number, got 48000.0"),
    ("chunk_samples: 0x" + "F" * 6000, "chunk_samples: expected at most 1920000, got a huge number"),
    ("trust_checkpoint: yes", "trust_checkpoint: expected true or false, got 'yes'"),
    ("description: 5", "description: expected text, got 5"),
    ("description: ' '", "description: expected the purpose of the recipe on one line, got nothing"),
    ('description: "a\\nb"', "description: expected the purpose of the recipe on one line, got several"),
    (
        "quantization: {parts: {encoder: fp16}}",
        "quantization.parts.encoder: fp16 is not available: in XNNPACK it is slower than float32, and the front end "
        "overflows to NaN",
    ),
    (
        "quantization: {everywhere: true, parts: {encoder: int8-static}}",
        "quantization.parts: everywhere quantizes the whole graph; remove parts",
    ),
    (
        "quantization: {everywhere: true, equalize: true}",
        "quantization: everywhere uses the quantizer's defaults; remove equalize",
    ),
    (
        "quantization: {parts: {encoder: int8-dynamic}, correct_bias: true}",
        "quantization: correct_bias requires static schemes; the range of int8-dynamic differs in every frame",
    ),
    (
        "lowering: {prefilter: fourier}\nquantization: {parts: {encoder: int8-static}, equalize: true}",
        "quantization: equalize requires lowering.prefilter: conv, got fourier",
    ),
    (
        "frontend: grouped\nfrontend_tolerance: 1e-3",
        "frontend_tolerance: requires frontend: low-rank, got grouped; change it, or remove frontend_tolerance",
    ),
    ("outputs: [volume]", "outputs: expected pitch among the outputs, got volume"),
    ("outputs: [pitch, pitch]", "outputs: expected each output once, got pitch, pitch"),
    (
        "outputs: [pitch]\npostprocess: {confidence_threshold: 0.5}",
        "postprocess: confidence_threshold requires confidence among the outputs, got pitch",
    ),
    ("lowering: {prefilter_band: 0}", "lowering.prefilter_band: expected more than 0, got 0"),
    (
        "lowering: {prefilter_band: 0.5}",
        "lowering: prefilter_band requires prefilter: fourier, got conv; change one of them",
    ),
    ("state: extern", "state: expected 'internal', 'explicit', 'none' or 'frozen', got 'extern'"),
    ("frames_per_chunk: 0", "frames_per_chunk: expected at least 1, got 0"),
    ("frames_per_chunk: [1, 32]", "frames_per_chunk: expected a whole number, got a list"),
    ("frames_per_chunk: {min: 1}", "frames_per_chunk.max: is missing"),
    ("frames_per_chunk: {min: 0, max: 4}", "frames_per_chunk.min: expected at least 1, got 0"),
    ("frames_per_chunk: {min: 4, max: 2}", "frames_per_chunk.max: expected at least min (4), got 2"),
    (
        "frames_per_chunk: {min: 1, max: 4, step: 2}",
        "frames_per_chunk.step: is not a recipe key (did you mean 'state'?)",
    ),
    ("frames_per_chunk: {min: 7, max: 9}", "frames_per_chunk: expected a divisor of chunk_samples (960), got 7"),
    (
        "frames_per_chunk: {min: 1, max: 4}\nquantization: {everywhere: true}",
        "quantization: everywhere requires streams: 1, state: internal and one number of frames_per_chunk",
    ),
    (
        "frontend: group",
        "frontend: expected 'upstream', 'grouped' or 'low-rank', got 'group' (did you mean 'grouped'?)",
    ),
    ("lowering:", "lowering: expected a mapping of keys to values, got nothing"),
    ("speed: {rounds: 2}", "speed.rounds: expected at least 3, got 2"),
    ("speed: {round: 5}", "speed.round: is not a recipe key (did you mean 'rounds'?)"),
    ("backend: portable", "backend: is not a recipe key (did you mean 'lowering.backend'?)"),
    ("extend: base", "extend: is not a recipe key (did you mean 'extends'?)"),
    ("name: x", "name: is not a recipe key"),
    ('? "a\\nb"\n: 1', "'a\\nb': is not a recipe key"),
    (
        "checkpoint: mir-1k",
        "checkpoint: expected a packaged checkpoint (mir-1k_g7) or a .ckpt, .pt or .pth file, got 'mir-1k' (did you "
        "mean 'mir-1k_g7'?)",
    ),
    ("audio: {calibrate: sung/verse}", "audio.calibrate: expected a list, got 'sung/verse'"),
    ("audio: {score: []}", "audio.score: expected at least one clip, got an empty list"),
    ("audio: {score: [sung/vers]}", "audio.score.0: there is no clip 'sung/vers' (did you mean 'sung/verse'?)"),
    ("audio: {score: [sung/]}", "audio.score.0: 'sung/' is a folder (did you mean 'sung/*'?)"),
    (
        "audio: {score: ['sung/*', 'snug/*']}",
        "audio.score.1: there is no folder 'snug' for 'snug/*' (did you mean 'sung/*'?)",
    ),
    ("audio: {calibrate: ['sung/*']}", "audio: calibrate and score share 'sung/verse'; remove them from one"),
    (
        "gates: {deviation.pitch.p95_cent: '<= 1'}",
        "gates.deviation.pitch.p95_cent: is not a metric of the record (did you mean 'deviation.pitch.p95_cents'?)",
    ),
    (
        "gates: {program.bytes: '< {5}'}",
        "gates.program.bytes: expected a limit such as '<= 0.01' or '>= 5', got '< {5}'",
    ),
    (
        "gates: {program.bytes: null}",
        "gates.program.bytes: null removes an inherited gate, but none is inherited; remove the line, or give a limit",
    ),
]


@pytest.mark.parametrize(("text", "problem"), MISTAKES, ids=[text[:50] for text, _ in MISTAKES])
def test_mistake_is_one_line(text: str, problem: str) -> None:
    assert problems_of(with_keys(text)) == [f"r.yaml: {problem}"]


@pytest.mark.parametrize("limit", ["'<= 1e999'", "'<= 1__0'", "'<= '", "'5'", "5", "[1]"])
def test_limit_that_is_no_number_is_rejected(limit: str) -> None:
    (problem,) = problems_of(with_keys(f"gates: {{program.bytes: {limit}}}"))
    assert "expected a limit" in problem
