"""The optional packages: what each extra adds, what it needs, and how to install it. Imports none of them."""

import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Extra:
    """The optional packages of a backend: `pip install 'pesto-workbench[<name>]'`.

    `modules` must be importable to export. A program depends on the versions of `packages`, and on the SDK in the
    folder that the environment variable `sdk_variable` names; no extra installs an SDK. `adds` says what is possible
    with it.
    """

    name: str = ""
    modules: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    sdk_variable: str = ""
    adds: str = ""

    def missing_hint(self) -> str:
        """Returns which modules are not installed and how to install them; "" if nothing is missing."""
        missing = [module for module in self.modules if find_spec(module) is None]
        return f"{', '.join(missing)} not installed: {self.install_command}" if missing else ""

    @property
    def install_command(self) -> str:
        """The command that installs the packages."""
        return f"pip install 'pesto-workbench[{self.name}]'"

    def versions(self) -> dict[str, str]:
        """Returns the versions of the packages that are installed; an SDK's version is the name of its folder."""
        found = {}
        sdk = os.environ.get(self.sdk_variable)
        if sdk:
            found[self.sdk_variable] = Path(sdk).resolve().name
        for package in self.packages:
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                continue
        return found


NO_EXTRA = Extra()
ONNX = Extra(
    "onnx",
    ("onnx", "onnxscript", "onnxruntime"),
    ("onnx", "onnxscript", "onnx_ir", "onnxruntime"),
    adds="lowering.backend: onnx; track, score and bench with .onnx programs",
)
COREML = Extra(
    "coreml", ("coremltools",), ("coremltools",), adds="lowering.backend: coreml, for Apple's devices; runs on a Mac"
)
OPENVINO = Extra(
    "openvino", ("openvino", "nncf"), ("openvino", "nncf"), adds="lowering.backend: openvino, for Intel's processors"
)
ARM = Extra(
    "arm",
    ("tosa_serializer",),
    ("tosa-tools", "ai_ml_sdk_model_converter"),
    adds="lowering.backend: arm (VGF), for Arm's GPUs; runs on a device",
)
QUALCOMM = Extra(
    "qualcomm", sdk_variable="QNN_SDK_ROOT", adds="lowering.backend: qualcomm, for Snapdragon; runs on a device"
)
NATIVE = Extra("native", ("cmake", "ninja"), ("cmake", "ninja"), adds="speed.native: times without Python")
LIVE = Extra(
    "live",
    ("starlette", "uvicorn", "websockets"),
    ("starlette", "uvicorn", "websockets", "sounddevice"),
    adds="live: a microphone, and programs side by side",
)
CONTAINERS = Extra(
    "containers", ("av",), ("av",), adds="m4a, mp4, webm and other recordings of phones and browsers as audio"
)
RIVALS = Extra(
    "rivals",
    ("swift_f0", "torchcrepe", "penn", "parselmouth", "librosa"),
    ("swift-f0", "torchcrepe", "penn", "praat-parselmouth", "librosa"),
    adds="rivals: other pitch trackers on the same clips",
)
ANNOTATE = Extra(
    "annotate",
    ("pyworld", *RIVALS.modules),
    ("pyworld", *RIVALS.packages),
    adds="annotate: a known f0 by the consensus of trackers or by resynthesis",
)
SEARCH = Extra("search", ("optuna",), ("optuna",), adds="search: the best recipe of a space")
CLUSTER = Extra(
    "cluster",
    ("distributed",),
    ("distributed",),
    adds="--scheduler: run, sweep and search on the machines of a Dask cluster",
)
CORPORA = Extra(
    "corpora",
    ("mirdata", "requests"),
    ("mirdata", "requests"),
    adds="corpus fetch: published recordings with known f0",
)
EXTRAS = (ONNX, SEARCH, CLUSTER, LIVE, CONTAINERS, RIVALS, CORPORA, OPENVINO, COREML, ARM)
"""The extras that pip installs. Qualcomm's SDK is not one of them."""
