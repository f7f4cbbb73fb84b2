"""`extends`, `matrix`, and the JSON schema of a recipe file."""

from pathlib import Path
from typing import Any

import pytest

from tests.recipe.test_load import LEAST, VOCABULARY, load, problems, problems_of, write
from workbench.recipe import Gate, json_schema, load_recipes


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_child_overrides_and_inherits_through_a_chain() -> None:
    write("root.yaml", LEAST + "speed: {threads: 2, rounds: 5}\naudio: {score: ['sung/*']}\n")
    write("middle.yaml", "description: Middle\nextends: root.yaml\nspeed: {rounds: 7}\n")
    (recipe,) = load("description: Child\nextends: middle\nmirror: 0\naudio: {score: [sung/verse]}\n")
    assert (recipe.description, recipe.mirror, recipe.sample_rate_hz) == ("Child", 0.0, 48000)
    assert (recipe.speed.threads, recipe.speed.rounds) == (2, 7)
    assert recipe.audio.score == ("sung/verse",)


def test_null_takes_away_an_inherited_gate_alone() -> None:
    write("base.yaml", LEAST + "gates: {program.bytes: <= 5, speed.speedup_p50: '>= 2'}\n")
    (recipe,) = load("description: Child\nextends: base\ngates: {program.bytes: null}\n")
    assert recipe.gates == (Gate("speed.speedup_p50", ">=", 2.0),)


def test_a_description_is_not_inherited() -> None:
    write("base.yaml", LEAST)
    assert problems_of("extends: base\n") == ["r.yaml: description: is missing"]


def test_an_inherited_mistake_names_where_it_was_said() -> None:
    write("base.yaml", LEAST + "frames_per_chunk: 7\n")
    assert problems_of("description: Child\nextends: base\nmirror: 3\n") == [
        "r.yaml: frames_per_chunk: chunk_samples (960) does not divide into 7 frames of whole samples"
        " [inherited from base.yaml]",
        "r.yaml: mirror: wants at most 1, got 3",
    ]


@pytest.mark.parametrize(
    ("parent", "problem"),
    [
        ("bas", "there is no file 'bas.yaml' (did you mean 'base.yaml'?)"),
        ("nowhere/base", "there is no file 'base.yaml'"),
        ("x" * 300, "there is no file '" + "x" * 56 + "..."),
        ("3", "wants the name of a recipe file, got 3"),
        ("r", "goes round in a circle: r.yaml -> r.yaml"),
    ],
)
def test_a_parent_that_cannot_be(parent: str, problem: str) -> None:
    write("base.yaml", LEAST)
    # the mistake in the child's own keys is told as well; what the parent would have given is not called missing
    assert problems_of(f"description: Child\nextends: {parent}\nmirror: 3\n") == [
        f"r.yaml: extends: {problem}",
        "r.yaml: mirror: wants at most 1, got 3",
    ]


def test_a_circle_names_its_chain() -> None:
    write("a.yaml", LEAST + "extends: b\n")
    write("b.yaml", LEAST + "extends: c\n")
    write("c.yaml", LEAST + "extends: a\n")
    assert problems(Path("a.yaml")) == [
        "c.yaml: extends: goes round in a circle: a.yaml -> b.yaml -> c.yaml -> a.yaml",
    ]


def test_a_parent_that_is_not_yaml_is_told_once() -> None:
    write("base.yaml", "a: [")
    one = write("one.yaml", "description: One\nextends: base\n")
    two = write("two.yaml", "description: Two\nextends: base\n")
    assert problems(one, two) == [
        "base.yaml: line 1: is not YAML (expected the node content, but found '<stream end>')",
    ]


MATRIX = """
matrix:
  rate:
    16k: {sample_rate_hz: 16000, chunk_samples: 320}
    48k: {}
  lowering.backend: [xnnpack, portable]
  mirror: [0, 0.5]
"""


def test_a_matrix_makes_the_product() -> None:
    recipes = load(LEAST + MATRIX)
    assert [recipe.name for recipe in recipes] == [
        "r@rate=16k,lowering.backend=xnnpack,mirror=0",
        "r@rate=16k,lowering.backend=xnnpack,mirror=0.5",
        "r@rate=16k,lowering.backend=portable,mirror=0",
        "r@rate=16k,lowering.backend=portable,mirror=0.5",
        "r@rate=48k,lowering.backend=xnnpack,mirror=0",
        "r@rate=48k,lowering.backend=xnnpack,mirror=0.5",
        "r@rate=48k,lowering.backend=portable,mirror=0",
        "r@rate=48k,lowering.backend=portable,mirror=0.5",
    ]
    assert [(r.sample_rate_hz, r.chunk_samples, r.lowering.backend, r.mirror) for r in recipes[2:5]] == [
        (16000, 320, "portable", 0.0),
        (16000, 320, "portable", 0.5),
        (48000, 960, "xnnpack", 0.0),
    ]
    assert recipes[0].lowering.toeplitz == "linear"
    assert len({recipe.sha256 for recipe in recipes}) == 8


def test_a_matrix_may_give_what_the_recipe_lacks() -> None:
    (recipe,) = load("description: A\nmatrix: {all: {one: {sample_rate_hz: 8000, chunk_samples: 80, mirror: 1}}}\n")
    assert (recipe.name, recipe.chunk_samples) == ("r@all=one", 80)


@pytest.mark.parametrize(
    ("child", "names"),
    [
        ("", ["r@mirror=0", "r@mirror=1"]),
        ("matrix: null\n", ["r"]),
        ("matrix: {reduction: [mean]}\n", ["r@reduction=mean"]),
    ],
)
def test_a_matrix_is_inherited_replaced_or_dropped(child: str, names: list[str]) -> None:
    write("base.yaml", LEAST + "matrix: {mirror: [0, 1]}\n")
    assert [recipe.name for recipe in load(f"description: Child\nextends: base\n{child}")] == names


def test_a_mistake_of_some_variants_names_them() -> None:
    text = LEAST + "reduction: max\nframes_per_chunk: 3\n" + MATRIX
    assert problems_of(text) == [
        "r.yaml: frames_per_chunk: chunk_samples (320) does not divide into 3 frames of whole samples"
        " [in variant rate=16k,lowering.backend=xnnpack,mirror=0 and 3 more]",
        "r.yaml: reduction: wants 'alwa', 'argmax' or 'mean', got 'max' (did you mean 'argmax'?)",
    ]


@pytest.mark.parametrize(
    ("matrix", "problem"),
    [
        ("3", "matrix: wants a mapping of axes to their values, got 3"),
        ("{}", "matrix: wants a mapping of axes to their values, got an empty one"),
        (
            "{mirro: [0]}",
            "matrix.mirro: a list of values belongs to a recipe key, and this is none (did you mean 'mirror'?)",
        ),
        ("{mirror: []}", "matrix.mirror: has no values"),
        (
            "{mirror: 0}",
            "matrix.mirror: wants a list of values, or a mapping of labels to recipe keys, got 0",
        ),
        ("{reduction: [mean, mean]}", "matrix.reduction: has 'mean' twice"),
        ("{rate: {a: {}, A: {}}}", "matrix.rate: has 'a' twice"),
        (
            "{audio.score: [[sung/verse]]}",
            "matrix.audio.score: a list cannot name a variant; write a mapping of labels to recipe keys",
        ),
        (
            "{rate: {a/b: {}}}",
            "matrix.rate: 'a/b' is no folder's name (letters, digits and . _ + -);"
            " write a mapping of labels to recipe keys",
        ),
        (
            "{a=b: {x: {}}}",
            "matrix.'a=b': the name of an axis is made of letters, digits and . _ + -, got 'a=b'",
        ),
        ("{rate: {x: 3}}", "matrix.rate: the label 'x' wants a mapping of recipe keys, got 3"),
        (
            "{rate: {x: {extends: other}}}",
            "matrix.rate: the label 'x' sets extends, which belongs at the top of a recipe file",
        ),
        (
            "{lowering.backend: [portable], kind: {slow: {lowering: {backend: portable}}}}",
            "matrix.kind: sets lowering.backend, which the axis 'lowering.backend' sets as well",
        ),
        (
            "{mirror: [" + ", ".join(str(n / 1000) for n in range(257)) + "]}",
            "matrix: makes 257 variants, and 256 is the most; split it over recipes",
        ),
    ],
)
def test_a_mistake_in_a_matrix(matrix: str, problem: str) -> None:
    assert problems_of(f"{LEAST}matrix: {matrix}\n") == [f"r.yaml: {problem}"]


def test_a_name_too_long_for_a_folder() -> None:
    label = "x" * 200
    assert problems_of(f"{LEAST}matrix: {{rate: {{{label}: {{}}}}}}\n") == [
        f"r.yaml: the name r@rate={'x' * 33}... has more than 200 characters; shorten its labels"
    ]


def described(schema: dict[str, Any], definitions: dict[str, Any]) -> list[str]:
    """The dotted keys of an object schema, each of which has to have a description and a closed set of keys."""
    assert schema["additionalProperties"] is False
    keys = []
    for key, value in schema["properties"].items():
        section = definitions[value["$ref"].removeprefix("#/$defs/")] if "$ref" in value else None
        assert (section or value)["description"], key
        if section:
            assert "required" not in section
            keys += [f"{key}.{name}" for name in described(section, definitions)]
        else:
            keys.append(key)
    return keys


def test_the_json_schema_describes_every_key_of_a_file() -> None:
    schema = json_schema()
    (recipe,) = load_recipes([write("r.yaml", LEAST)], VOCABULARY)
    expected = {"extends", "matrix"}
    for key, value in recipe.resolved().items():
        expected |= {f"{key}.{name}" for name in value} if isinstance(value, dict) and value else {key}
    assert set(described(schema, schema["$defs"])) == expected
    assert schema["required"] == ["description"]
    assert schema["properties"]["mirror"]["maximum"] == 1
    assert schema["properties"]["state"]["enum"] == ["internal", "explicit", "none", "frozen"]
    fixed, several = schema["properties"]["frames_per_chunk"]["oneOf"]
    assert fixed == {"minimum": 1, "type": "integer"}
    assert set(schema["$defs"][several["$ref"].split("/")[-1]]["required"]) == {"min", "max"}
    assert schema["properties"]["gates"]["additionalProperties"]["anyOf"][1] == {"type": "null"}
    assert schema["properties"]["gates"]["default"] == {}
    overrides = schema["properties"]["matrix"]["additionalProperties"]["anyOf"][1]["additionalProperties"]
    assert set(overrides["properties"]) == set(schema["properties"]) - {"extends", "matrix"}
