"""Recipes as users write them: what loads, under which names, and every mistake in words."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from workbench.errors import RecipeError
from workbench.recipe import Gate, KnownNames, Recipe, clip_matches, load_recipes, read_limits, recipe_files

VOCABULARY = KnownNames(
    checkpoints=("mir-1k_g7",),
    clips=("synthetic/calibrate/glide", "synthetic/score/vibrato-alto", "sung/verse", "sung/calibrate/scales"),
    clip_folders=("synthetic/calibrate", "synthetic/score", "sung", "sung/calibrate"),
    metrics=("deviation.pitch.p95_cents", "deviation.confidence.max", "program.bytes", "speed.speedup_p50"),
)
LEAST = "description: A test\nsample_rate_hz: 48000\nchunk_samples: 960\nmirror: 1\n"


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str | bytes) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def load(text: str | bytes, name: str = "r.yaml") -> list[Recipe]:
    return load_recipes([write(name, text)], VOCABULARY)


def problems(*paths: Path) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load_recipes(paths, VOCABULARY)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


def problems_of(text: str | bytes) -> list[str]:
    return problems(write("r.yaml", text))


def test_the_least_recipe_gets_its_defaults() -> None:
    (recipe,) = load(LEAST)
    assert recipe.name == "r"
    assert recipe.source == Path("r.yaml")
    assert recipe.hop_samples == 960
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


def test_a_recipe_is_frozen() -> None:
    (recipe,) = load(LEAST)
    with pytest.raises(ValueError, match="frozen"):
        recipe.mirror = 0.0  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        recipe.speed.threads = 2  # type: ignore[misc]


def test_the_hop_is_the_chunk_over_its_frames() -> None:
    (recipe,) = load(LEAST + "frames_per_chunk: 4\n")
    assert recipe.hop_samples == 240


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


def test_the_hash_says_what_is_built_not_where_it_is_written() -> None:
    (one,) = load(LEAST, "one.yaml")
    (same,) = load("mirror: 1.0\nframes_per_chunk: 1\n" + LEAST.replace("mirror: 1\n", ""), "other/two.yaml")
    (different,) = load(LEAST.replace("960", "480"), "three.yaml")
    assert one.sha256 == same.sha256
    assert one.sha256 != different.sha256
    assert len(one.sha256) == 64


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("sung/*", "sung/verse", True),
        ("sung/*", "sung/calibrate/scales", False),
        ("sung/*/*", "sung/calibrate/scales", True),
        ("*", "sung/verse", False),
        ("synthetic/score/vib?ato-*", "synthetic/score/vibrato-alto", True),
        ("sung/v*", "sung/Verse", False),
        ("sung/take [1]", "sung/take [1]", True),
        ("sung/take [1]", "sung/take 1", True),
    ],
)
def test_patterns_match_component_by_component(pattern: str, name: str, expected: bool) -> None:
    assert clip_matches(pattern, name) is expected


def test_three_mistakes_are_told_at_once() -> None:
    text = LEAST.replace("48000", "abc") + "lowring: {backend: portable}\nreduction: alva\n"
    assert problems_of(text) == [
        "r.yaml: sample_rate_hz: wants a whole number, got 'abc'",
        "r.yaml: reduction: wants 'alwa', 'argmax' or 'mean', got 'alva' (did you mean 'alwa'?)",
        "r.yaml: lowring: is not a recipe key (did you mean 'lowering'?)",
    ]


def test_mistakes_of_several_files_are_told_together() -> None:
    files = [
        write("a.yaml", LEAST + "mirrors: 0\n"),
        write("b.yaml", "description: [\n"),
        Path("c.yaml"),
        write("d.yaml", LEAST + "frames_per_chunk: 7\n"),
    ]
    assert problems(*files) == [
        "a.yaml: mirrors: is not a recipe key (did you mean 'mirror'?)",
        "b.yaml: line 2: is not YAML (expected the node content, but found '<stream end>')",
        "c.yaml: there is no file 'c.yaml' (did you mean 'd.yaml'?)",
        "d.yaml: frames_per_chunk: chunk_samples (960) does not divide into 7 frames of whole samples",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mirror: 2", "mirror: wants at most 1, got 2"),
        ("mirror: true", "mirror: wants a number, got true"),
        ("mirror: .nan", "mirror: wants a finite number, got nan"),
        ("mirror:", "mirror: wants a number, got nothing"),
        ("sample_rate_hz: 4000", "sample_rate_hz: wants at least 8000, got 4000"),
        ("sample_rate_hz: 48000.0", "sample_rate_hz: wants a whole number, got 48000.0"),
        ("chunk_samples: 0x" + "F" * 6000, "chunk_samples: wants at most 1920000, got a huge number"),
        ("trust_checkpoint: yes", "trust_checkpoint: wants true or false, got 'yes'"),
        ("description: 5", "description: wants text, got 5"),
        ("description: ' '", "description: wants one line that says what the recipe is for, got nothing"),
        ('description: "a\\nb"', "description: wants one line that says what the recipe is for, got several"),
        (
            "quantization: {parts: {encoder: fp16}}",
            "quantization.parts.encoder: fp16 is not available: XNNPACK runs it slower than float32 here, and the "
            "front end overflows to NaN",
        ),
        (
            "quantization: {everywhere: true, parts: {encoder: int8-static}}",
            "quantization.parts: everywhere quantizes the whole graph, and so takes no parts",
        ),
        (
            "protocol: unfair",
            "protocol: wants 'continuous', 'reset-per-chunk', 'variant-reset-per-chunk' or 'baseline-reset-per-chunk', "
            "got 'unfair'",
        ),
        (
            "frontend: grouped\nfrontend_tolerance: 1e-3",
            "frontend_tolerance: wants frontend: low-rank, got grouped; ask for that, or leave it at 0.0001",
        ),
        ("outputs: [volume]", "outputs: wants pitch among them, got volume"),
        ("outputs: [pitch, pitch]", "outputs: names one twice: pitch, pitch"),
        (
            "lowering: {prefilter_band: 0.5}",
            "lowering: prefilter_band wants prefilter: fourier, got conv; ask for that, or set the band to 1",
        ),
        ("state: extern", "state: wants 'internal', 'explicit', 'none' or 'frozen', got 'extern'"),
        ("streams: 0", "streams: wants at least 1, got 0"),
        ("frames_per_chunk: 0", "frames_per_chunk: wants at least 1, got 0"),
        ("frames_per_chunk: [1, 32]", "frames_per_chunk: wants a whole number, got a list"),
        ("frames_per_chunk: {min: 1}", "frames_per_chunk.max: is missing"),
        ("frames_per_chunk: {min: 0, max: 4}", "frames_per_chunk.min: wants at least 1, got 0"),
        ("frames_per_chunk: {min: 4, max: 2}", "frames_per_chunk.max: wants at least min (4), got 2"),
        (
            "frames_per_chunk: {min: 1, max: 4, step: 2}",
            "frames_per_chunk.step: is not a recipe key (did you mean 'state'?)",
        ),
        (
            "frames_per_chunk: {min: 7, max: 9}",
            "frames_per_chunk: chunk_samples (960) does not divide into 7 frames of whole samples",
        ),
        (
            "frames_per_chunk: {min: 1, max: 4}\nquantization: {everywhere: true}",
            "quantization: everywhere takes one stream with internal state and one number of frames_per_chunk",
        ),
        (
            "frontend: group",
            "frontend: wants 'upstream', 'grouped' or 'low-rank', got 'group' (did you mean 'grouped'?)",
        ),
        ("quantization: {encoder: x}", "quantization.encoder: is not a recipe key"),
        ("lowering:", "lowering: wants a mapping of keys to values, got nothing"),
        ("speed: {rounds: 2}", "speed.rounds: wants at least 3, got 2"),
        ("speed: {round: 5}", "speed.round: is not a recipe key (did you mean 'rounds'?)"),
        ("backend: portable", "backend: is not a recipe key (did you mean 'lowering.backend'?)"),
        ("extend: base", "extend: is not a recipe key (did you mean 'extends'?)"),
        ("name: x", "name: is not a recipe key"),
        ('? "a\\nb"\n: 1', "'a\\nb': is not a recipe key"),
        (
            "checkpoint: mir-1k",
            "checkpoint: 'mir-1k' is neither a packaged checkpoint (mir-1k_g7) nor a .ckpt, .pt or .pth file"
            " (did you mean 'mir-1k_g7'?)",
        ),
        ("audio: {calibrate: sung/verse}", "audio.calibrate: wants a list, got 'sung/verse'"),
        ("audio: {score: []}", "audio.score: wants at least one clip, got an empty list"),
        (
            "audio: {score: [sung/vers]}",
            "audio.score.0: there is no clip 'sung/vers' (did you mean 'sung/verse'?)",
        ),
        ("audio: {score: [sung/]}", "audio.score.0: 'sung/' is a folder (did you mean 'sung/*'?)"),
        (
            "audio: {score: ['sung/*', 'snug/*']}",
            "audio.score.1: there is no folder 'snug' for 'snug/*' (did you mean 'sung/*'?)",
        ),
        (
            "audio: {calibrate: ['sung/*']}",
            "audio: calibrate and score share 'sung/verse'; a clip can do only one of them",
        ),
        (
            "gates: {deviation.pitch.p95_cent: '<= 1'}",
            "gates.deviation.pitch.p95_cent: is not a metric of the record (did you mean 'deviation.pitch.p95_cents'?)",
        ),
        (
            "gates: {program.bytes: '< {5}'}",
            "gates.program.bytes: wants a limit such as '<= 0.01' or '>= 5', got '< {5}'",
        ),
        (
            "gates: {program.bytes: '<= 1e999'}",
            "gates.program.bytes: wants a limit such as '<= 0.01' or '>= 5', got '<= 1e999'",
        ),
        (
            "gates: {program.bytes: null}",
            "gates.program.bytes: null takes away an inherited gate, and none is inherited here",
        ),
    ],
)
def test_a_mistake_in_words(text: str, problem: str) -> None:
    key = text.split(":")[0] + ":"
    rest = "".join(line + "\n" for line in LEAST.splitlines() if not line.startswith(key))
    assert problems_of(f"{rest}{text}\n") == [f"r.yaml: {problem}"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty; a recipe is a mapping of keys to values"),
        ("- a\n", "is not a recipe: wants a mapping of keys to values, got a list"),
        ("hello\n", "is not a recipe: wants a mapping of keys to values, got 'hello'"),
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is there twice"),
        (b"a: 1\nb: \xe9\n", "line 2: is not UTF-8 text; save the file in that encoding"),
        ("a: 1\n---\nb: 1\n", "line 2: is not YAML (but found another document)"),
        ("a: &x [1]\nb: *x\n", "line 2: the alias *x is not for recipes; repeat the value, or use extends or matrix"),
        (
            "a: !!python/name:os.system ''\n",
            "line 1: the tag tag:yaml.org,2002:python/name:os.system is not for recipes; leave it out",
        ),
        ("a: " + "[" * 21, "line 1: is nested more than 20 levels deep"),
        ("a: '" + "x" * 32_000 + "'", "has more than 32_000 bytes, which is no recipe"),
        ('a: "\\0"\n', "line 1: holds a control character or half a character pair; leave it out"),
        ("%YAML 1.4\n---\na: 1\n", "is not YAML (version minor part can only be 2 or 1, got (1, 4))"),
        ("{[{a: 1}]: 2}", "holds a key that is a list of mappings; a key is a word"),
        ("a: 2001-99-99\n", "holds a value that YAML cannot read (month must be in 1..12)"),
        (
            "gates:\n  program.bytes: >= 5\n",
            "line 2: is not YAML (expected chomping or indentation indicators, but found '=');"
            " put a limit in quotes: '>= 5'",
        ),
    ],
)
def test_what_is_not_a_recipe_file(text: str | bytes, problem: str) -> None:
    assert problems_of(text) == [f"r.yaml: {problem}"]


def limits_problems(text: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        read_limits(write("limits.yaml", text), VOCABULARY)
    return list(caught.value.problems)


def test_a_file_of_gates_is_read_as_a_recipe_s_gates_are() -> None:
    text = "program.bytes: <= 1_000\nspeed.speedup_p50: '>= 5'\ndeviation.confidence.max: null\n"
    assert read_limits(write("limits.yaml", text), VOCABULARY) == {
        "program.bytes": "<= 1_000",
        "speed.speedup_p50": ">= 5",
        "deviation.confidence.max": None,
    }


def test_every_mistake_in_a_file_of_gates() -> None:
    assert limits_problems("program.byte: <= 1\nspeed.speedup_p50: 5\nprogram.bytes: [1]\n7: <= 1\n") == [
        "limits.yaml: program.byte: is not a metric of the record (did you mean 'program.bytes'?)",
        "limits.yaml: speed.speedup_p50: wants a limit such as '<= 0.01' or '>= 5', got 5",
        "limits.yaml: program.bytes: wants a limit such as '<= 0.01' or '>= 5', got a list",
        "limits.yaml: 7: wants text, got 7",
    ]
    assert limits_problems("gates:\n  program.bytes: <= 1\n") == [
        "limits.yaml: gates: is a recipe's key; write the limits without gates:, as metric: limit"
    ]
    assert limits_problems("") == ["limits.yaml: is empty; a file of gates is a mapping of keys to values"]
    assert limits_problems("a: 1\na: 2\n") == ["limits.yaml: line 2: the key 'a' is there twice"]


def test_a_byte_order_mark_does_no_harm() -> None:
    assert load(b"\xef\xbb\xbf" + LEAST.encode()) == load(LEAST)


def test_a_folder_is_not_a_recipe() -> None:
    Path("folder").mkdir()
    assert problems(Path("folder")) == ["folder: 'folder' is a folder; name a recipe file in it"]


def test_a_checkpoint_file_is_found_beside_the_recipe_that_names_it() -> None:
    checkpoint = write("bases/mine.ckpt", b"")
    write("bases/base.yaml", LEAST + "checkpoint: mine.ckpt\n")
    (recipe,) = load("description: Child\nextends: ../bases/base\n", "children/r.yaml")
    assert recipe.checkpoint == str(checkpoint.absolute())


def test_a_checkpoint_file_has_to_exist() -> None:
    missing = Path("mine.PTH").absolute()
    assert problems_of(LEAST + "checkpoint: sub/../mine.PTH\n") == [
        f"r.yaml: checkpoint: there is no file {str(missing)!r}"
    ]


def test_names_of_one_call_differ() -> None:
    one, other = write("a/r.yaml", LEAST), write("b/R.yaml", LEAST)
    assert problems(one, other, one) == [
        "b/R.yaml: has the same name as a/r.yaml; rename one of them",
        "a/r.yaml: has the same name as b/R.yaml; rename one of them",
    ]
    assert problems(one, one) == ["a/r.yaml: is given twice"]


def test_a_file_name_that_makes_no_folder_name() -> None:
    assert problems(write("a b.yaml", LEAST)) == [
        "a b.yaml: the file's name becomes a folder's; make it of letters, digits and . _ + -"
    ]


def test_recipe_files_of_a_folder() -> None:
    for name in ("b.yaml", "a.yaml", "notes.txt"):
        write(f"recipes/{name}", LEAST)
    Path("empty").mkdir()
    assert recipe_files(Path("recipes")) == [Path("recipes/a.yaml"), Path("recipes/b.yaml")]
    for folder, problem in [("empty", "holds no recipe (*.yaml)"), ("nowhere", "there is no such folder")]:
        with pytest.raises(RecipeError) as caught:
            recipe_files(Path(folder))
        assert caught.value.problems == (f"{folder}: {problem}",)


def test_recipes_need_no_torch() -> None:
    heavy = "{'torch', 'executorch', 'soundfile', 'pesto', 'numpy'}"
    code = f"import sys, workbench.recipe; sys.exit(' '.join({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


RESOLVED = st.fixed_dictionaries(
    {
        "description": st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30),
        "checkpoint": st.just("mir-1k_g7"),
        "trust_checkpoint": st.booleans(),
        "sample_rate_hz": st.integers(8000, 192_000),
        "mirror": st.floats(0, 1),
        "reduction": st.sampled_from(["alwa", "argmax", "mean"]),
        "lowering": st.fixed_dictionaries(
            {"backend": st.sampled_from(["xnnpack", "portable"]), "toeplitz": st.sampled_from(["linear", "conv"])}
        ),
        "audio": st.sampled_from([{"calibrate": [], "score": ["sung/verse"]}, {"calibrate": ["sung/calibrate/*"]}]),
        "scoring": st.fixed_dictionaries({}, optional={"voiced_confidence": st.floats(0, 1)}),
        "speed": st.fixed_dictionaries({}, optional={"rounds": st.integers(3, 10_000)}),
        "gates": st.dictionaries(
            st.sampled_from(VOCABULARY.metrics),
            st.tuples(st.sampled_from(["<=", ">="]), st.floats(allow_nan=False, allow_infinity=False)).map(
                lambda limit: f"{limit[0]} {limit[1]!r}"
            ),
        ),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=RESOLVED, hop_samples=st.integers(1, 4000), frames=st.integers(1, 32), more=st.integers(0, 2))
def test_resolved_written_as_yaml_is_the_same_recipe(
    values: dict[str, object], hop_samples: int, frames: int, more: int
) -> None:
    several = {"min": frames, "max": frames + more} if more else frames
    values |= {"chunk_samples": hop_samples * frames, "frames_per_chunk": several, "streams": 1 + more}

    def through_yaml(content: dict[str, object]) -> Recipe:
        with Path("r.yaml").open("w", encoding="utf-8") as file:
            YAML(typ="safe", pure=True).dump(content, file)
        (recipe,) = load_recipes([Path("r.yaml")], VOCABULARY)
        return recipe

    recipe = through_yaml(values)
    again = through_yaml(recipe.resolved())
    assert again == recipe
    assert again.sha256 == recipe.sha256
    assert recipe.hop_samples == hop_samples
    assert (recipe.min_frames, recipe.max_frames) == (frames, frames + more)
