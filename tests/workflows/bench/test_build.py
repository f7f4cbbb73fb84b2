"""The files of contenders: one that cannot be built is listed with the reason, and the others run."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from tests.helpers.records.bench import BASELINE
from workbench.errors import LoweringError, ProgramError, WorkbenchError
from workbench.extras import Extra
from workbench.progress import Progress
from workbench.storage.atomic import write_atomic
from workbench.storage.hashing import sha256_of
from workbench.workflows.bench import build as building
from workbench.workflows.bench.contenders import BenchSetup


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchSetup:
    """Three recipes, of which one cannot be lowered and one cannot run here, and a program."""

    def build(variant: object, folder: Path, *_: object) -> SimpleNamespace:
        if folder.name in errors:
            raise errors[folder.name]
        write_atomic(folder / "program.pte", b"built")
        return SimpleNamespace(path="program.pte")

    errors = {"least": LoweringError("no"), "phone": ProgramError("not run here")}
    monkeypatch.setattr(building, "build_to_run", build)
    monkeypatch.setattr(building.IsolatedProcess, "call", Mock(side_effect=ProgramError("it crashed")))
    monkeypatch.setattr(Extra, "missing_hint", lambda _: "onnx not installed")
    recipe = SimpleNamespace(description="A test", lowering=SimpleNamespace(backend="xnnpack"))
    hashes = {"program_fingerprint": "f" * 64, "checkpoint_sha256": "c" * 64}
    variant: Any = SimpleNamespace(quantized=True, baseline=BASELINE, recipe=recipe, **hashes)
    (tmp_path / "mine.pte").write_bytes(b"12345")
    names = ("first-experiments", "least", "phone")
    return BenchSetup(dict.fromkeys(names, variant), {"mine": tmp_path / "mine.pte"})


def test_contender_that_cannot_be_built_is_listed(setup: BenchSetup, tmp_path: Path) -> None:
    built = building.build_contenders(setup, tmp_path / "out", Progress())
    assert [contender.name for contender in built.contenders] == ["eager", "first-experiments", "mine"]
    assert built.contenders[0].file.name == "mir-1k_g7.ckpt"
    assert [contender.sha256 for contender in built.contenders] == ["c" * 64, sha256_of(b"built"), sha256_of(b"12345")]
    assert len(built.variants) == 3
    here = {"least": "no", "phone": "not run here"}
    assert built.not_run == {"onnx": "onnx not installed", "torchscript": "it crashed", **here}


@pytest.mark.parametrize("name", ["torchscript", "least"])
def test_folder_of_a_result_is_refused(name: str, setup: BenchSetup, tmp_path: Path) -> None:
    write_atomic(tmp_path / "out" / name / "result.json", b"of a run")
    with pytest.raises(WorkbenchError, match="would be replaced"):
        building.build_contenders(setup, tmp_path / "out", Progress())
