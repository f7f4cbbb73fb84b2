"""Fingerprints: what changes them, and that no other source can change a program or a result."""

import ast
import shutil
from pathlib import Path
from typing import Any

import pytest

import workbench
from tests.helpers.variants import clip_of, recipe_of
from workbench.workflows.variant import fingerprint
from workbench.workflows.variant.fingerprint import (
    PROGRAM_SOURCE,
    RESULT_SOURCE,
    SourceHashes,
    program_fingerprint,
    result_fingerprint,
    source_hashes,
)

PACKAGE = Path(workbench.__file__).parent
HARMLESS = ("errors", "extras", "progress", "storage", "rivals")
"""Messages, what is installed, how files are written, and other trackers, which no result of a variant contains."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source."""
    copy = tmp_path_factory.mktemp("copy") / "workbench"
    return Path(shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__")))


NO_RESULT = ("cli/run.py", "report/tables/results.py", "audit/verdict.py", "bundle/write.py", "workflows/run.py")
RESULT = (
    "measure/deviation.py",
    "runtime/session.py",
    "runtime/native/source/host.cpp",
    "records/result.py",
    "workflows/variant/score/clips.py",
)
PROGRAM = (
    *("export/onnx.py", "quantize/pt2e/quantize.py", "model/encoder.py", "audio/decode.py", "recipe/schema.py"),
    *("units.py", "workflows/variant/build.py"),
)


@pytest.mark.parametrize("changed", [*NO_RESULT, *RESULT, *PROGRAM])
def test_source_changes_only_what_depends_on_it(changed: str, package: Path) -> None:
    before, path = source_hashes(package), package / changed
    content = path.read_bytes()
    path.write_bytes(content + b"\n# a comma\n")
    after = source_hashes(package)
    path.write_bytes(content)
    assert (after.program != before.program) == (changed in PROGRAM)
    assert (after.result != before.result) == (changed not in NO_RESULT)
    assert source_hashes(package) == before == source_hashes()


@pytest.mark.parametrize("source", [PROGRAM_SOURCE, RESULT_SOURCE], ids=["program", "result"])
def test_hashed_packages_import_no_other_source(source: tuple[str, ...]) -> None:
    """So nothing else can change what they compute. Modules of workflows string packages together and are listed."""
    packages = [name for name in source if not name.startswith("workflows")]
    hashed = {name.removesuffix(".py") for name in packages} | set(HARMLESS)
    for name in packages:
        path = PACKAGE / name
        for file in path.rglob("*.py") if path.is_dir() else [path]:
            assert _imported_packages(file) <= hashed, file


def _imported_packages(file: Path) -> set[str]:
    modules = []
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
    return {module.split(".")[1] for module in modules if module.startswith("workbench.")}


SOURCE = SourceHashes("p" * 64, "r" * 64)


def fingerprints(folder: Path, source: SourceHashes = SOURCE, **keys: object) -> tuple[str, str]:
    """The fingerprints of the program and of the result of a recipe with these keys."""
    recipe, clips = recipe_of(folder, **keys), (clip_of("tone"), clip_of("vibrato"))
    program = program_fingerprint(recipe, recipe.stream_config, "c" * 64, source, clips[:1])
    return program, result_fingerprint(recipe, program, source, clips)


INT8 = {"quantization": {"parts": {"encoder.narrow": "int8-static"}}}


@pytest.mark.parametrize(
    ("keys", "program_changes", "result_changes"),
    [
        ({"description": "Other words"}, False, False),
        ({"gates": {}}, False, False),
        ({"scoring": {"min_voiced_frames": 7}}, False, False),
        ({"scoring": {"min_voiced_frames": 20, "voiced_confidence": 0.7}}, False, True),
        ({"speed": {"rounds": 9, "chunks_per_round": 5, "warmup_chunks": 2}}, False, True),
        ({"protocol": "reset-per-chunk"}, False, True),
        ({"mirror": 0.5}, True, True),
        ({"sample_rate_hz": 22_050}, True, True),
        ({"chunk_samples": 160}, True, True),
        ({"frames_per_chunk": 2}, True, True),
        ({"reduction": "argmax"}, True, True),
        ({"lowering": {"toeplitz": "conv"}}, True, True),
        ({"outputs": ["pitch"]}, True, True),
        ({"postprocess": {"confidence_threshold": 0.3}}, True, True),
        (INT8, True, True),
    ],
)
def test_key_changes_only_what_depends_on_it(
    keys: dict[str, Any], program_changes: bool, result_changes: bool, tmp_path: Path
) -> None:
    before, after = fingerprints(tmp_path), fingerprints(tmp_path, **keys)
    assert (after[0] != before[0], after[1] != before[1]) == (program_changes, result_changes)


@pytest.mark.parametrize("keys", [{}, INT8], ids=["float", "int8"])
def test_calibration_concerns_only_a_quantized_program(keys: dict[str, Any], tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, **keys)
    programs = {
        program_fingerprint(recipe, recipe.stream_config, "c" * 64, SOURCE, [clip_of(name)]) for name in ("a", "b")
    }
    assert len(programs) == (2 if keys else 1)
    threads = {fingerprints(tmp_path, **keys, speed={"threads": count})[0] for count in (1, 2)}
    assert len(threads) == (2 if keys else 1), "the last bits of a range depend on the threads"


@pytest.mark.parametrize(("name", "value"), [("cpu", "another"), ("os.cpu_count", 1000)])
def test_machine_concerns_the_result_only(
    name: str, value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprints(tmp_path)
    monkeypatch.setattr(f"{fingerprint.__name__}.{name}", lambda: value)
    after = fingerprints(tmp_path)
    assert after[0] == before[0] and after[1] != before[1]
