"""Which contenders enter a bench: all of one stream, each with a name that no other has."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.helpers.project import LEAST_RECIPE, workbench
from workbench.errors import WorkbenchError
from workbench.progress import Progress
from workbench.workflows.bench import contenders
from workbench.workflows.bench.contenders import _common_keys, collect_contenders

KEYS: dict[str, object] = {"sample_rate_hz": 48_000, "chunk_samples": 960, "mirror": 1.0}
WITH_CHECKPOINT = {**KEYS, "checkpoint": "mir-1k_g7"}


@pytest.mark.parametrize(
    ("last", "difference"),
    [
        ({"sample_rate_hz": 16_000, "mirror": 0.0}, "sample_rate_hz 16000 and mirror 0.0, but a.pte has 48000 and 1.0"),
        ({"checkpoint": "other.ckpt"}, "checkpoint other.ckpt, but b has mir-1k_g7"),
    ],
)
def test_contenders_of_two_streams_are_refused(last: dict[str, object], difference: str) -> None:
    common = {"a.pte": KEYS, "b": WITH_CHECKPOINT}
    assert _common_keys({**common, "c": WITH_CHECKPOINT}) == WITH_CHECKPOINT
    with pytest.raises(WorkbenchError, match=f"^c: {difference}; all contenders"):
        _common_keys({**common, "c": {**KEYS, **last}})


@pytest.mark.parametrize("name", ["eager", "torchscript", "onnx", "first-experiments", "onnx-least"])
def test_recipe_of_a_reserved_name_is_refused(project: Path, name: str) -> None:
    (project / f"{name}.yaml").write_text(LEAST_RECIPE)
    result = workbench("bench", "least.yaml", f"{name}.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"error: {name}.yaml: the name {name} is reserved " in result.stderr
    assert not Path("outputs").exists()


def test_program_of_a_taken_name_is_named_by_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    variant = SimpleNamespace(quantized=False, recipe=SimpleNamespace(lowering=SimpleNamespace(backend="xnnpack")))
    monkeypatch.setattr(contenders, "check_programs", lambda _: None)
    monkeypatch.setattr(contenders, "with_overrides", lambda reference, *_, **__: reference)
    monkeypatch.setattr(contenders, "prepare_all", lambda recipes, _: [variant] * len(recipes))
    monkeypatch.setattr(contenders, "_stream_keys", lambda _: KEYS)
    monkeypatch.setattr(contenders.IsolatedProcess, "call", lambda *_: KEYS)
    fast: Any = SimpleNamespace(name="fast")
    programs = [Path("mine/program.pte"), Path("onnx-fast/program.pte"), Path("fast.pte"), Path("your/mine.onnx")]
    setup = collect_contenders([fast], programs, fast, Progress())
    assert setup.onnx_names == {"first-experiments": "onnx", "fast": "onnx-fast"}
    assert list(setup.variants) == list(setup.onnx_names)
    assert list(setup.programs) == ["mine", "onnx-fast/program.pte", "fast.pte", "your/mine.onnx"]
