"""What a backend cannot do is told with the recipe, in one line, before anything is loaded."""

from pathlib import Path

import pytest

from workbench.errors import RecipeError
from workbench.recipe import KnownNames, Recipe, load_recipes

LEAST = "description: A test\nsample_rate_hz: 48000\nchunk_samples: 960\nmirror: 1\n"
UPSTREAM = "frontend: upstream\nlowering: {backend: torchscript, toeplitz: conv, prefilter: conv}\n"


def load(text: str, folder: Path) -> Recipe:
    path = folder / "r.yaml"
    path.write_text(LEAST + text)
    (recipe,) = load_recipes([path], KnownNames(("mir-1k_g7",), (), (), ()))
    return recipe


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "lowering: {backend: onnx}",
            "lowering: backend: onnx keeps nothing between calls; ask for state: explicit or none (frozen shows why)",
        ),
        (
            "state: explicit\nframes_per_chunk: {min: 1, max: 2}\nlowering: {backend: onnx}",
            "lowering: backend: onnx takes one number of frames_per_chunk",
        ),
        (
            "state: frozen\nlowering: {backend: xnnpack}",
            "lowering: state: frozen is what ONNX makes of a memory, and xnnpack refuses it; ask for internal or "
            "explicit",
        ),
        (
            "lowering: {scope: network}",
            "lowering: scope: network wants state: none, as its host keeps the past audio, got internal",
        ),
        (
            "state: none\nfrontend: low-rank\nlowering: {scope: network}",
            "lowering: scope: network wants frontend: grouped or upstream, which its host computes, got low-rank",
        ),
        (
            "state: none\nframes_per_chunk: {min: 1, max: 2}\nlowering: {scope: network}",
            "lowering: scope: network takes one number of frames_per_chunk",
        ),
        (
            "frontend: grouped\nlowering: {backend: torchscript}",
            "lowering: backend: torchscript is upstream's own trace: wants frontend: upstream, prefilter: conv and "
            "toeplitz: conv, got grouped, conv, linear",
        ),
        (
            "state: explicit\n" + UPSTREAM,
            "lowering: backend: torchscript keeps its memory as upstream does: wants state: internal, got explicit",
        ),
        (
            "frames_per_chunk: {min: 1, max: 2}\n" + UPSTREAM,
            "lowering: backend: torchscript takes one number of frames_per_chunk",
        ),
        (
            "outputs: [pitch]\n" + UPSTREAM,
            "lowering: backend: torchscript returns all outputs; ask for pitch, confidence and volume",
        ),
        (
            UPSTREAM + "quantization: {parts: {encoder: int8-static}}",
            "quantization: backend torchscript is upstream's own trace, in float; ask for none",
        ),
        (
            "state: explicit\nlowering: {backend: onnx}\nquantization: {parts: {encoder: int8-dynamic}}",
            "quantization: backend onnx takes int8-static and none, got int8-dynamic",
        ),
        (
            "state: explicit\nlowering: {backend: onnx}\n"
            "quantization: {parts: {encoder: int8-static}, observer: percentile}",
            "quantization: backend onnx has no other observer than min-max",
        ),
        (
            "state: explicit\nlowering: {backend: onnx}\n"
            "quantization: {parts: {encoder: int8-static}, correct_bias: true}",
            "quantization: backend onnx has no other correct_bias than false",
        ),
        (
            "state: explicit\nlowering: {backend: onnx}\n"
            "quantization: {parts: {encoder: int8-static}, residual_add: int8}",
            "quantization: backend onnx: ONNX Runtime itself fuses an add between int8 layers; leave residual_add out",
        ),
    ],
)
def test_what_does_not_fit_is_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load(text, tmp_path)
    assert caught.value.problems == (f"{tmp_path}/r.yaml: {says}",)


@pytest.mark.parametrize(
    "text",
    [
        UPSTREAM,
        "state: explicit\nlowering: {backend: onnx}\n",
        "state: none\nlowering: {backend: onnx, scope: network}\nfrontend: grouped\n",
        "state: frozen\nlowering: {backend: onnx}\n",
        "state: none\nframes_per_chunk: {min: 1, max: 4}\nlowering: {backend: xnnpack}\n",
        "state: explicit\nlowering: {backend: onnx}\nquantization: {parts: {encoder: int8-static}}\n",
        "state: explicit\nlowering: {backend: onnx}\nquantization: {everywhere: true}\n",
    ],
)
def test_what_fits_is_taken(text: str, tmp_path: Path) -> None:
    assert load(text, tmp_path).name == "r"


def test_what_a_recipe_says_of_its_own_keys_comes_first(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load("state: sideways\nlowering: {backend: onnx}", tmp_path)
    assert [problem.split(": ", 1)[1] for problem in caught.value.problems] == [
        "state: wants 'internal', 'explicit', 'none' or 'frozen', got 'sideways'"
    ]
