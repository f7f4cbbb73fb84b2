"""A program rebuilt from its result: identical, or what differs and what changed since."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.project import workbench, write_project
from tests.helpers.results import lost, replaced, stored
from workbench.audio.corpus import Corpus
from workbench.audio.decode import Clip
from workbench.audit.reproduce import compare_rebuilt
from workbench.errors import CheckpointError, RecipeError
from workbench.export.program_cache import find_program
from workbench.progress import Progress
from workbench.records.environment import environment
from workbench.records.result import write_result
from workbench.workflows.load_recipes import load_variants, recipe_from_result

RECORD = stored("int8-static")
PROGRAM = RECORD.program
assert PROGRAM is not None
CHECKPOINT = "c" * 64
RECORD = replaced(RECORD, "recipe.checkpoint_sha256", CHECKPOINT)
CLIPS = [
    Clip(clip.name, Path("a.wav"), clip.sha256, 16_000, [0.0], 16_000, 1, None)  # type: ignore[arg-type]
    for clip in RECORD.audio
    if clip.role == "calibrate"
]


def test_rebuilt_program_is_identical() -> None:
    found = compare_rebuilt(RECORD, PROGRAM, environment(1), (), CHECKPOINT)
    assert (found.same, found.parts, found.since) == (True, (), ())


def test_rebuilt_program_differs_with_causes() -> None:
    other = PROGRAM.model_copy(
        update={
            "sha256": "0" * 64,
            "bytes_by_kind": {**PROGRAM.bytes_by_kind, "rest": 7},
            "made_with": {"onnx": "9.9"},
            "ranges": (PROGRAM.ranges[0].model_copy(update={"scale": 9.0}), *PROGRAM.ranges[1:]),
        }
    )
    here = RECORD.environment.model_copy(update={"torch": "9.9", "threads": 7})
    found = compare_rebuilt(RECORD, other, here, CLIPS[1:], "0" * 64)
    assert found.same is False
    assert found.parts == (
        f"rest: {PROGRAM.bytes_by_kind['rest']:,} before, 7 now",
        f"1 of {len(PROGRAM.ranges)} ranges have other values",
    )
    assert found.since == (
        f"torch: {RECORD.environment.torch} before, 9.9 now",
        "onnx: nothing before, 9.9 now",
        f"checkpoint mir-1k_g7: sha256 {CHECKPOINT[:12]}… before, 000000000000… now",
        f"clip {CLIPS[0].name}: changed, added or missing",
    )


def test_changed_library_is_a_cause() -> None:
    before, now = (
        RECORD.environment.model_copy(update={"libraries": {"numpy": version, "scipy": "1"}}) for version in "23"
    )
    record = RECORD.model_copy(update={"environment": before})
    found = compare_rebuilt(record, PROGRAM.model_copy(update={"sha256": "0" * 64}), now, CLIPS, CHECKPOINT)
    assert found.since == ("numpy: 2 before, 3 now",)


def test_rebuilt_program_differs_only_in_values() -> None:
    found = compare_rebuilt(
        RECORD, PROGRAM.model_copy(update={"sha256": "0" * 64}), RECORD.environment, CLIPS, CHECKPOINT
    )
    assert found.parts == ("all sizes, operators and ranges are the same: weights or constants have other values",)
    assert found.since == ()


def _at_keys_of(today: dict[str, Any], then: dict[str, Any]) -> dict[str, Any]:
    """The values of the current recipe at the keys of the stored one."""
    return {key: _at_keys_of(today[key], was) if key == "lowering" else today[key] for key, was in then.items()}


def test_stored_results_have_a_recipe_in_this_version() -> None:
    for path in sorted((Path(__file__).parent.parent.parent / "docs" / "measured").glob("*.json")):
        record = stored(path.stem)
        recipe = recipe_from_result(record, path)
        assert _at_keys_of(recipe.resolved(), record.recipe.resolved) == record.recipe.resolved
        assert (recipe.name, recipe.source) == (path.stem, path)


def test_result_with_an_invalid_recipe_is_an_error() -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_from_result(replaced(RECORD, "recipe.resolved.mirror", 2), Path("r/result.json"))
    assert caught.value.problems == ("r/result.json: recipe.resolved: mirror: expected at most 1, got 2",)


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped", "", ".hidden", "a/b", "a@../b", "n" * 201])
def test_result_whose_name_is_no_folder_is_an_error(name: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_from_result(replaced(RECORD, "recipe.name", name), Path("r/result.json"))
    assert caught.value.problems[0].startswith("r/result.json: recipe.name: ")


def test_trusted_checkpoint_with_other_bytes_is_an_error(tmp_path: Path) -> None:
    own = tmp_path / "own.ckpt"
    own.write_bytes(b"trusted")
    trusting = replaced(
        replaced(RECORD, "recipe.resolved.trust_checkpoint", True), "recipe.resolved.checkpoint", str(own)
    )
    record = replaced(trusting, "recipe.checkpoint_sha256", hashlib.sha256(b"trusted").hexdigest())
    assert recipe_from_result(record, Path("r/result.json")).trust_checkpoint
    for other in (trusting, replaced(trusting, "recipe.checkpoint_sha256", "")):
        with pytest.raises(CheckpointError) as caught:
            recipe_from_result(other, Path("r/result.json"))
        assert str(caught.value) == (
            f"{own}: not the checkpoint that r/result.json trusts to run code; write a recipe that names it"
        )


def test_build_of_two_results_of_one_name_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, "calibrate: []\nscore: []\n")
    for folder in ("a", "b"):
        write_result(RECORD, Path(folder))
    result = workbench("build", "a/result.json", "b/result.json", "--out", "again")
    assert result.stderr == (
        "error: b/result.json: has the name int8-static, as a/result.json has; build them one by one, each with "
        "its own --out\n"
    )
    assert (result.exit_code, Path("again").exists()) == (2, False)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (lost(RECORD), "again/result.json: the result has no program (it crashed); there is nothing to rebuild"),
        (RECORD, "again/int8-static: has a result, whose program would be replaced; choose another --out"),
    ],
    ids=["without a program", "in the way"],
)
def test_build_of_a_result_that_cannot_be_rebuilt(
    record: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, "calibrate: []\nscore: []\n")
    float_like = replaced(record, "recipe.resolved.quantization.parts", {})
    float_like = replaced(float_like, "recipe.resolved.quantization.equalize", False)
    for folder in ("again", "again/int8-static"):
        write_result(float_like, Path(folder))
    result = workbench("build", "again/result.json", "--out", "again")
    assert [line for line in result.stderr.splitlines() if line.startswith("error")] == [f"error: {message}"]
    assert result.exit_code == 2


@pytest.mark.slow
def test_build_from_a_result_is_identical(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Static int8, whose ranges come from the clips; a result with another hash is reported."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calib_audio").mkdir()
    (tmp_path / "calib_audio" / "manifest.yaml").write_text(
        "calibrate:\n- {name: t, kind: tones, notes: [57], note_s: 0.4, gap_s: 0.2, harmonics: 8, level_dbfs: -20}\n"
        "score:\n- {name: s, kind: silence, duration_s: 0.3}\n"
    )
    (tmp_path / "r.yaml").write_text(
        "description: Again\nsample_rate_hz: 16000\nchunk_samples: 320\nmirror: 1\nfrontend: grouped\n"
        "quantization: {parts: {encoder.narrow: int8-static}}\n"
    )
    from workbench.workflows.variant.prepare import load_clips, prepare

    assert workbench("build", "r.yaml", "--out", "first").exit_code == 0
    first = Path("first/r/program.pte").read_bytes()
    corpus = Corpus(Path("calib_audio"))
    (recipe,) = load_variants([Path("r.yaml")], corpus)
    (variant,) = load_clips([prepare(recipe)], corpus, None, Progress())
    found = find_program(Path("first/r"), variant.program_fingerprint)
    assert found is not None
    record = RECORD.model_copy(
        update={
            "program": found[0],
            "recipe": RECORD.recipe.model_copy(update={"name": "r", "resolved": recipe.resolved()}),
            "environment": environment(1),
        }
    )
    write_result(record, Path("run"))
    again = workbench("build", "run/result.json", "--out", "again")
    assert (again.exit_code, again.stdout.splitlines()[1]) == (
        0,
        f"  identical to the program of the result (sha256 {hashlib.sha256(first).hexdigest()[:12]}…)",
    )
    assert Path("again/r/program.pte").read_bytes() == first
    write_result(replaced(record, "program.sha256", "0" * 64), Path("run"))
    different = workbench("build", "run/result.json", "--out", "once-more")
    assert different.exit_code == 1
    assert "NOT identical: sha256" in different.stdout
