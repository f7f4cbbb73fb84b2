"""The table of backends, what each requires, and which modules import it."""

import re
import sys
from pathlib import Path
from typing import get_args

import pytest

import workbench
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


def test_backends_are_imported_only_where_they_are_used() -> None:
    backends = tuple(f"executorch.backends.{name}" for name in ("apple", "arm", "openvino", "qualcomm", "vulkan"))
    optional = (*backends, "coremltools", "openvino", "tosa_serializer", "onnx")  # also onnxruntime and onnxscript
    bindings = ("executorch.runtime", "executorch.extension")
    package, importers = Path(workbench.__file__).parent, set()
    for path in package.rglob("*.py"):
        imports = re.findall(r"^( *)(?:from|import) ([\w.]+)", path.read_text(), re.MULTILINE)
        assert not [name for indent, name in imports if not indent and name.startswith(optional)], path
        if any(name.startswith(bindings) for _, name in imports):
            importers.add(path.relative_to(package).as_posix())
    standalone = "bundle/verify_standalone.py"  # it imports nothing of the workbench
    assert importers - {standalone} == {"private_names.py", "runtime/executorch.py"}
