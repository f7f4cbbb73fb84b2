"""Builds the probes of a profile: small lowered programs that measure the peak rates of the machine."""

import torch
from torch import nn

from workbench.export.executorch import lower_module
from workbench.measure.operators.roofline import Probe, ProbeKind
from workbench.progress import Progress
from workbench.quantize.pt2e.annotate import quantize_part
from workbench.recipe import Quantization
from workbench.runtime.process_info import last_cache_bytes

_SIDES = (256, 384, 512)  # of square matrices: large enough for the kernels, small enough for the nearer caches
_COLUMNS = 1024  # of the matrices whose input has one row


def build_probes(weight_bytes: int, progress: Progress) -> list[Probe]:
    """Lowers the probes; `weight_bytes` is the size of the program's weights.

    Raises:
        LoweringError: If a probe cannot be lowered.
    """
    probes: list[Probe] = []
    with progress.stage("peaks", 2 * len(_SIDES) + 2) as advance, torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        for side in _SIDES:
            linear = nn.Linear(side, side)
            probes.append(_probe("float32", linear, (side, side, side), side**3))
            advance(1)
            scheme = Quantization(parts={"peak": "int8-static"})
            example = torch.rand(side, side) - 0.5
            quantized = quantize_part(linear, "peak", scheme, (example,), lambda _: None).module
            probes.append(_probe("int8", quantized, (side, side, side), side**3))
            advance(1)
        sizes: dict[ProbeKind, int] = {"program-sized": weight_bytes, "memory": 2 * last_cache_bytes()}
        for kind, size in sizes.items():
            outputs = max(1, size // (4 * _COLUMNS))
            linear = nn.Linear(_COLUMNS, outputs, bias=False)
            probes.append(_probe(kind, linear, (1, _COLUMNS, outputs), 4 * _COLUMNS * outputs))
            advance(1)
    return probes


def _probe(kind: ProbeKind, linear: nn.Module, shape: tuple[int, int, int], macs_or_bytes: int) -> Probe:
    """`shape`: rows and columns of the input, and columns of the output."""
    rows, columns, outputs = shape
    pte = lower_module(linear, (torch.zeros(rows, columns),), "xnnpack")
    name = f"{kind}, ({rows} × {columns}) by ({columns} × {outputs})"
    return Probe(name, kind, rows, columns, macs_or_bytes, pte)
