"""The table of backends, and what each requires."""

import sys
from typing import get_args

import pytest

from tests.helpers.imports import imports_of_package
from workbench.errors import NotInstalledError
from workbench.export.backends import EXPORTERS
from workbench.export.executorch_targets import TARGETS
from workbench.export.program_file import PROGRAM_SUFFIXES, format_of
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


def test_optional_packages_are_imported_only_when_used() -> None:
    backends = tuple(f"executorch.backends.{name}" for name in ("apple", "arm", "openvino", "qualcomm", "vulkan"))
    optional = (*backends, "coremltools", "openvino", "tosa_serializer", "onnx.", "onnxruntime")
    for module, names in imports_of_package(top_level_only=True).items():
        assert not [name for name in names if name.startswith(optional)], module
