"""Lowers combinations of schemes, parts, implementations and states, and compares what works with what `check` says.

    python -m tools.reliability.combinations [--only TEXT] [--sample N] [--out FILE.json]

Run it by hand, after a new ExecuTorch or with a new scheme: nine seconds for each of some 240. Every scheme of every
part is tried by itself on every implementation; then pairs of choices are tried together, so that each pair occurs at
least once. The stream is the cheapest (16 kHz, 320 samples), and the encoder has two prefilters and few of their
frequencies. A combination whose choices concern one part is lowered as that part only. What the file of --out has, made
with the same versions, is only checked again. Exits with 1 if `check` accepts what does not run, or refuses what runs.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any, get_args
from unittest.mock import patch

import torch

from tools.docs.reliability import run_here
from workbench.errors import ProgramCrashError, ProgramTimeoutError, RecipeError, WorkbenchError, WorkerKilledError
from workbench.export.executorch import ExecutorchExporter, lower_module, quantize_parts
from workbench.export.exporter import ExportInputs
from workbench.export.toolchain.log import ToolchainLog
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.progress import Progress
from workbench.quantize.calibration import part_inputs
from workbench.quantize.layers import PARTS
from workbench.quantize.pt2e.quantize import Calibrator
from workbench.quantize.scopes import check_scopes
from workbench.recipe import KnownNames, Recipe, load_recipes
from workbench.recipe.options import Frontend, InitialState, Prefilter, Scheme, Toeplitz
from workbench.runtime.executorch import load_lowered_module
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import describe_program

SCHEMES = tuple(scheme for scheme in get_args(Scheme) if scheme != "none")
_STREAM = {"description": "A combination.", "sample_rate_hz": 16000, "chunk_samples": 320, "mirror": 1.0}
_LOWERING, _QUANTIZATION = ("toeplitz", "prefilter", "initial_state"), ("leaky_relu", "residual_add")
_SECTIONS = dict.fromkeys(_LOWERING, "lowering") | dict.fromkeys(_QUANTIZATION, "quantization")
_ENCODER: Mapping[str, Sequence[Any]] = {
    "toeplitz": get_args(Toeplitz),
    "prefilter": get_args(Prefilter),
    **{f"encoder.{layer}": ("none", *SCHEMES) for layer in ("first", "prefilter", "narrow", "toeplitz")},
    "leaky_relu": ("int8", "float"),
    "residual_add": ("float", "int8"),
}
_WHOLE: Mapping[str, Sequence[Any]] = {
    "state": ("internal", "explicit", "none"),
    "frames_per_chunk": (1, {"min": 1, "max": 4}),
    "streams": (1, 2),
    "initial_state": get_args(InitialState),
    "frontend": get_args(Frontend),
    "encoder.narrow": ("none", "int8-static", "int8-dynamic"),
    "frontend.*": ("none", "int8-weights", "int16-weights", "int12-weights"),
    "encoder.prefilter.*.frequency.>=1": ("none", "int8-weights", "int4-weights", "int12-weights"),
    "prefilter": get_args(Prefilter),
}
_LIMIT_S = 600.0
_PREFILTERS, _BAND = 2, 0.1

Choices = Mapping[str, Any]


@dataclass(frozen=True)
class Tried:
    """One combination. `refused` is what `check` says, "" if it accepts it; `failed` is what failed, "" if it runs."""

    choices: Choices
    refused: str
    failed: str

    @property
    def wrong(self) -> str:
        if bool(self.refused) == bool(self.failed):
            return ""
        return "check accepts it" if self.failed else "check refuses it, but it runs"


def single_parts() -> Iterator[Choices]:
    """Yields each scheme of each part on each implementation."""
    prefilter = {"prefilter": get_args(Prefilter)}
    implementations: Mapping[str, Mapping[str, Sequence[str]]] = {
        "frontend.*": {"frontend": get_args(Frontend)},
        **{f"encoder.{layer}": prefilter for layer in ("first", "prefilter", "narrow")},
        "encoder.toeplitz": {"toeplitz": get_args(Toeplitz)},
        "confidence": {},
    }
    for scheme, (part, keys) in product(SCHEMES, implementations.items()):
        for values in product(*keys.values()):
            yield {part: scheme, **dict(zip(keys, values, strict=True))}


def pairwise(axes: Mapping[str, Sequence[Any]]) -> Iterator[Choices]:
    """Yields combinations in which each pair of values of two axes occurs at least once; not always the fewest."""
    names = list(axes)
    missing = {
        frozenset(((a, x), (b, y)))
        for a, b in combinations(names, 2)
        for x, y in product(range(len(axes[a])), range(len(axes[b])))
    }
    order = sorted(missing, key=sorted)
    while missing:
        chosen = dict(next(pair for pair in order if pair in missing))
        for name in names:
            if name not in chosen:
                chosen[name] = max(
                    range(len(axes[name])),
                    key=lambda value: sum(frozenset(((name, value), item)) in missing for item in chosen.items()),
                )
        missing -= {frozenset(pair) for pair in combinations(chosen.items(), 2)}
        yield {name: axes[name][chosen[name]] for name in names}


def recipe_keys(choices: Choices) -> dict[str, Any]:
    """Returns the keys of the recipe with these choices; a name with a section is a key, a part gets its scheme."""
    keys: dict[str, Any] = {**_STREAM, "frontend": "grouped", "lowering": {}, "quantization": {"parts": {}}}
    for name, value in choices.items():
        if name in _SECTIONS:
            keys[_SECTIONS[name]][name] = value
        elif name.partition(".")[0] in PARTS and value in ("none", *SCHEMES):
            keys["quantization"]["parts"][name] = value
        else:
            keys[name] = value
    if keys["lowering"].get("prefilter", "conv") != "conv":
        keys["lowering"]["prefilter_band"] = _BAND
    keys["quantization"]["parts"] = {
        part: scheme for part, scheme in keys["quantization"]["parts"].items() if scheme != "none"
    }
    return keys


class Child:
    """A child process that runs programs, and another one after a crash. Starting one takes seconds."""

    def __init__(self) -> None:
        self._stack: ExitStack | None = None

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        if self._stack is None:
            self._stack = ExitStack()
            self._process = self._stack.enter_context(IsolatedProcess(_LIMIT_S))
        try:
            self._process.call(function, *arguments)
        except (ProgramCrashError, ProgramTimeoutError, WorkerKilledError):
            self.close()
            raise

    def close(self) -> None:
        if self._stack is not None:
            self._stack.close()
        self._stack = None


def run(path: Path, inputs: tuple[torch.Tensor, ...]) -> None:
    load_lowered_module(path).forward(list(inputs))


def try_choices(choices: Choices, outcome: str | None, clips: Sequence[torch.Tensor], child: Child) -> Tried:
    """Checks a combination. Lowers and runs it, whatever `check` says, unless its outcome is known."""
    with tempfile.TemporaryDirectory(prefix="combinations-") as folder:
        file = Path(folder) / "recipe.yaml"
        file.write_text(json.dumps(recipe_keys(choices)))
        known = KnownNames(("mir-1k_g7",), ("synthetic/score/a",), ("synthetic/score",), ())
        refused = ""
        try:
            (recipe,) = load_recipes([file], known)
        except RecipeError as error:
            refused = str(error).removeprefix(f"{file}: ")
            with patch("workbench.recipe.schema.quantization_conflict", lambda *_: ""):
                try:
                    (recipe,) = load_recipes([file], known)
                except RecipeError as conflict:  # of another kind: there is no such recipe
                    return Tried(choices, refused, str(conflict).removeprefix(f"{file}: "))
        if outcome is None:
            outcome = ""
            try:
                _lower_and_run(recipe, Path(folder), clips, child)
            except WorkbenchError as error:
                outcome = str(error).replace(folder, "")
        return Tried(choices, refused, outcome)


def _lower_and_run(recipe: Recipe, folder: Path, clips: Sequence[torch.Tensor], child: Child) -> None:
    stream = recipe.stream_config
    upstream = load_upstream(recipe.checkpoint, stream)
    upstream.encoder.prefilt_layers = upstream.encoder.prefilt_layers[:_PREFILTERS]
    model = StreamingPesto(upstream, stream, recipe.implementations, recipe.state)
    check_scopes(model, recipe.quantization)
    inputs = ExportInputs(model, lambda: upstream, recipe.quantization, clips, 0.5)
    path = folder / "program.pte"
    parts = sorted({pattern.partition(".")[0] for pattern in recipe.quantization.parts})
    with (
        ToolchainLog(folder / "log"),
        patch.multiple(
            Calibrator,
            stability=lambda *_: None,
            layer_errors=lambda *_: [],
            no_stability_reason=lambda *_: "not needed",
        ),
    ):
        if len(parts) != 1 or recipe.state != "internal" or stream.dynamic or stream.streams > 1:
            path.write_bytes(ExecutorchExporter("xnnpack").export(inputs, Progress()).content)
            child.call(describe_program, path)
            return
        example = tuple(tensor[:1] for tensor in part_inputs(model, clips)[parts[0]])
        quantize_parts(inputs, Progress())
        path.write_bytes(lower_module(getattr(model, parts[0]), example, "xnnpack"))
    child.call(run, path, example)


def tones() -> list[torch.Tensor]:
    """Returns two short tones with overtones and noise, to calibrate on."""
    generator, time_s = torch.Generator().manual_seed(0), torch.arange(8000) / 16000
    tones = [sum(torch.sin(2 * torch.pi * f0 * k * time_s) / k for k in range(1, 6)) for f0 in (150.0, 320.0)]
    return [0.1 * torch.as_tensor(tone) + 0.01 * torch.randn(8000, generator=generator) for tone in tones]


def _lowered_before(path: Path, here: Mapping[str, Any]) -> dict[str, str]:
    """Returns the outcomes in a file, by the choices as JSON, if the same versions made it."""
    stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"environment": {}, "tried": []}
    if any(stored["environment"].get(name) != here["environment"][name] for name in ("torch", "executorch")):
        return {}
    return {json.dumps(row["choices"]): row["failed"] for row in stored["tried"]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Lowers combinations and compares with what `check` says.")
    parser.add_argument("--only", default="", metavar="TEXT", help="combinations that have this text in them")
    parser.add_argument("--sample", type=int, metavar="N", help="N new ones, the same random choice each time")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="also write the table as JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows, child, here = list[Tried](), Child(), run_here()
    every = [*single_parts(), *pairwise(_ENCODER), *pairwise(_WHOLE)]
    lowered = _lowered_before(arguments.out, here) if arguments.out else {}
    new = [each for each in every if arguments.only in json.dumps(each) and json.dumps(each) not in lowered]
    if arguments.sample is not None:
        new = random.Random(0).sample(new, min(arguments.sample, len(new)))
    chosen = [*map(json.loads, lowered), *new]
    for number, choices in enumerate(chosen, start=1):
        rows.append(tried := try_choices(choices, lowered.get(json.dumps(choices)), tones(), child))
        outcome = f"{tried.wrong or 'right'}: {tried.failed or 'runs'}"
        print(f"{number}/{len(chosen)} {json.dumps(choices)}\n  {outcome}\n  {tried.refused}", flush=True)
        if arguments.out:
            arguments.out.write_text(json.dumps({**here, "tried": [asdict(row) for row in rows]}, indent=2) + "\n")
    child.close()
    sys.exit(any(row.wrong for row in rows))


if __name__ == "__main__":
    main()
