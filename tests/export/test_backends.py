"""The table of backends, and what each requires."""

import sys
from importlib.util import find_spec
from typing import get_args

import pytest

from tests.helpers.imports import imports_of_package
from workbench.errors import LoweringError, NotInstalledError
from workbench.export import exporter
from workbench.export.backends import EXPORTERS
from workbench.export.executorch_targets import TARGETS
from workbench.export.program_file import PROGRAM_SUFFIXES, format_of
from workbench.model.streaming import StreamingPesto
from workbench.recipe import Lowering
from workbench.recipe.options import Backend, ExecutorchBackend


def test_every_backend_of_a_recipe_has_an_exporter() -> None:
    assert set(EXPORTERS) == set(get_args(Backend)) == set(get_args(Lowering.model_fields["backend"].annotation))
    assert set(TARGETS) == set(get_args(ExecutorchBackend))


def test_every_format_has_a_suffix_and_a_session() -> None:
    from workbench.runtime.open_program import SESSIONS

    formats = {exporter.format for exporter in EXPORTERS.values()}
    assert formats == set(SESSIONS) == {format_of(f"program{suffix}") for suffix in PROGRAM_SUFFIXES}


def test_qualcomm_without_its_sdk_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QNN_SDK_ROOT", raising=False)
    with pytest.raises(NotInstalledError, match="set QNN_SDK_ROOT to its folder"):
        TARGETS["qualcomm"].partitioners()
    assert not [name for name in sys.modules if name.startswith("executorch.backends.qualcomm")]


def test_missing_module_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "find_spec", lambda name: None)
    for name, modules in (("openvino", "openvino, nncf"), ("arm", "tosa_serializer"), ("coreml", "coremltools")):
        assert EXPORTERS[name].extra.missing_hint() == f"{modules} not installed: pip install 'pesto-workbench[{name}]'"


def test_optional_packages_are_imported_only_when_used() -> None:
    backends = tuple(f"executorch.backends.{name}" for name in ("apple", "arm", "openvino", "qualcomm", "vulkan"))
    optional = (*backends, "coremltools", "openvino", "tosa_serializer", "onnx.", "onnxruntime")
    for module, names in imports_of_package(top_level_only=True).items():
        assert not [name for name in names if name.startswith(optional)], module


def test_portable_delegates_nothing() -> None:
    assert TARGETS["portable"].partitioners() == []


@pytest.mark.slow
@pytest.mark.skipif(find_spec("openvino") is None, reason="the extra openvino is not installed")
def test_openvino_with_internal_state_is_refused(restated: StreamingPesto) -> None:
    from workbench.export.executorch import lower

    with pytest.raises(LoweringError, match=r"takes the streaming state \(ring\) out of the program"):
        lower(restated, "openvino")
