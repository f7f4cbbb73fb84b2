"""Keys that are set for one run: their values, the names that they give, and every mistake as one line."""

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.recipe_files import KNOWN_NAMES, LEAST, write
from workbench.errors import RecipeError
from workbench.recipe import Recipe, load_recipes, overrides_from_text, overrides_from_values

MATRIX = "matrix:\n  mirror: [0, 1]\n  rate: {16k: {sample_rate_hz: 16000, chunk_samples: 320}}\n"


def loaded(*settings: str, more: str = "") -> list[Recipe]:
    return load_recipes([write("r.yaml", LEAST + more)], KNOWN_NAMES, overrides_from_text(settings))


@pytest.mark.parametrize(
    ("setting", "labels", "values"),
    [
        ("mirror=0.5", ["0.5"], [0.5]),
        ("mirror = 0,0.5,1", ["0", "0.5", "1"], [0, 0.5, 1]),
        ("trust_checkpoint=true", ["true"], [True]),
        ("outputs=[pitch, volume]", ["pitch-volume"], [["pitch", "volume"]]),
        ("outputs=[pitch],[pitch, volume]", ["pitch", "pitch-volume"], [["pitch"], ["pitch", "volume"]]),
        ("frames_per_chunk={min: 1, max: 2}", ["min-1-max-2"], [{"min": 1, "max": 2}]),
        ("description='a, b'", ["a-b"], ["a, b"]),
        ("gates.program.bytes=<= 8 kB", ["8-kB"], [{"program.bytes": "<= 8000"}]),
        ("gates.program.bytes=>= 5, <= 6", ["5", "6"], [{"program.bytes": ">= 5"}, {"program.bytes": "<= 6"}]),
    ],
)
def test_values_of_a_setting(setting: str, labels: list[str], values: list[Any]) -> None:
    recipes, key = loaded(setting), setting.partition("=")[0].strip()
    assert [recipe.name for recipe in recipes] == [f"r@{key}={label}" for label in labels]
    assert [recipe.resolved()[key.split(".")[0]] for recipe in recipes] == values


def test_pattern_with_dots_is_one_key() -> None:
    more = "quantization: {parts: {confidence: none}}\n"
    (recipe,) = loaded("quantization.parts.encoder.narrow=int8-dynamic", more=more)
    assert recipe.quantization.parts == {"confidence": "none", "encoder.narrow": "int8-dynamic"}
    (recipe,) = loaded("lowering.prefilter=fourier", "quantization.parts.encoder.prefilter.*.>=8=int4-weights")
    assert recipe.quantization.parts == {"encoder.prefilter.*.>=8": "int4-weights"}


def test_null_removes_a_gate() -> None:
    (recipe,) = loaded("gates.program.bytes=null", more="gates: {program.bytes: <= 5}\n")
    assert recipe.gates == ()


def test_setting_replaces_an_axis_of_the_matrix() -> None:
    (recipe,) = loaded("mirror=0.5", "streams=2", more=MATRIX)
    assert (recipe.name, recipe.mirror) == ("r@rate=16k,mirror=0.5,streams=2", 0.5)


def test_checkpoint_is_relative_to_the_current_folder() -> None:
    write("own.ckpt", "")
    path = write("sub/r.yaml", LEAST)
    (recipe,) = load_recipes([path], KNOWN_NAMES, overrides_from_values({"checkpoint": "own.ckpt"}))
    assert recipe.checkpoint == str(Path.cwd() / "own.ckpt")


MANY = f"speed.rounds={','.join(map(str, range(3, 150)))}"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (["mirror"], "--set mirror: expected KEY=VALUE, such as mirror=0.5"),
        (["=1"], "--set =1: expected KEY=VALUE, such as mirror=0.5"),
        (["mirror="], "--set mirror: expected KEY=VALUE, such as mirror=0.5"),
        (["mirror=["], "--set mirror: line 1: is not YAML (expected ',' or ']', but got '<stream end>')"),
        (["mirror=1,1"], "--set mirror: has '1' twice; remove one"),
        (["extends=a"], "--set extends: cannot be set for one run; write a recipe"),
        (["streams=1", "streams=2"], "--set streams: sets streams again; set it once"),
        (["mirror=1,2"], "r.yaml: mirror: expected at most 1, got 2 [set by --set] [in variant rate=16k,mirror=2]"),
        (
            ["sample_rate_hz=8000"],
            "r.yaml: matrix.rate: sets sample_rate_hz, as --set sample_rate_hz does; remove one of the two",
        ),
        ([MANY], "r.yaml: has 294 variants with --set, at most 256 are allowed"),
    ],
)
def test_mistake_is_one_line(settings: list[str], problem: str) -> None:
    with pytest.raises(RecipeError) as caught:
        loaded(*settings, more=MATRIX)
    assert caught.value.problems == (problem,)
