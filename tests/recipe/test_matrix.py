"""`matrix`: the product of its axes, the names of its variants, and every mistake in it."""

from itertools import product

import pytest

from tests.helpers.recipe_files import LEAST, load, problems_of

MATRIX = """
matrix:
  rate:
    16k: {sample_rate_hz: 16000, chunk_samples: 320}
    48k: {}
  lowering.backend: [xnnpack, portable]
  mirror: [0, 0.5]
"""


def test_matrix_gives_the_product_of_its_axes() -> None:
    recipes = load(LEAST + MATRIX)
    assert [recipe.name for recipe in recipes] == [
        "r@rate={},lowering.backend={},mirror={}".format(*values)
        for values in product(("16k", "48k"), ("xnnpack", "portable"), ("0", "0.5"))
    ]
    assert [(r.sample_rate_hz, r.chunk_samples, r.lowering.backend, r.mirror) for r in recipes[2:5]] == [
        (16000, 320, "portable", 0.0),
        (16000, 320, "portable", 0.5),
        (48000, 960, "xnnpack", 0.0),
    ]
    assert len({recipe.sha256 for recipe in recipes}) == 8


def test_matrix_can_set_required_keys() -> None:
    (recipe,) = load("description: A\nmatrix: {all: {one: {sample_rate_hz: 8000, chunk_samples: 80, mirror: 1}}}\n")
    assert (recipe.name, recipe.chunk_samples) == ("r@all=one", 80)


def test_mistake_of_some_variants_names_them() -> None:
    assert problems_of(LEAST + "reduction: max\nframes_per_chunk: 3\n" + MATRIX) == [
        "r.yaml: frames_per_chunk: expected a divisor of chunk_samples (320), got 3"
        " [in variant rate=16k,lowering.backend=xnnpack,mirror=0 and 3 more]",
        "r.yaml: reduction: expected 'alwa', 'argmax' or 'mean', got 'max' (did you mean 'argmax'?)",
    ]


@pytest.mark.parametrize(
    ("matrix", "problem"),
    [
        ("3", "matrix: expected a mapping of axes to their values, got 3"),
        ("{}", "matrix: expected a mapping of axes to their values, got an empty mapping"),
        ("{mirro: [0]}", "matrix.mirro: has a list of values but is not a recipe key (did you mean 'mirror'?)"),
        ("{mirror: []}", "matrix.mirror: expected a list of values"),
        ("{mirror: 0}", "matrix.mirror: expected a list of values"),
        ("{reduction: [mean, mean]}", "matrix.reduction: has 'mean' twice; remove one"),
        ("{rate: {a: {}, A: {}}}", "matrix.rate: has 'a' twice; remove one"),
        ("{audio.score: [[sung/verse]]}", "matrix.audio.score: a list cannot be part of a folder name"),
        ("{rate: {a/b: {}}}", "matrix.rate: 'a/b' cannot be part of a folder name"),
        ("{a=b: {x: {}}}", "matrix.'a=b': expected letters, digits and . _ + - in the name of an axis"),
        ("{rate: {x: 3}}", "matrix.rate: expected a mapping of recipe keys at the label 'x', got 3"),
        ("{rate: {x: {extends: other}}}", "matrix.rate: the label 'x' sets extends"),
        ("{mirror: [0], kind: {x: {mirror: 1}}}", "matrix.kind: sets mirror, as the axis 'mirror' does"),
        ("{rate: {" + "x" * 200 + ": {}}}", f"the name r@rate={'x' * 33}... has more than 200 characters"),
    ],
)
def test_mistake_in_a_matrix_is_one_line(matrix: str, problem: str) -> None:
    (found,) = problems_of(f"{LEAST}matrix: {matrix}\n")
    assert found.startswith(f"r.yaml: {problem}")
