"""Measures how the figures that gates limit change with the processor's instructions and with threads.

    python -m tools.reliability.instruction_sets recipes/*.yaml [--variant NAME] [--only AVX2] [--out FILE.json]

Run it by hand: an hour for all recipes. --out keeps the figures of other variants. Each program is built once. Then
both sides, eager and program, run on the scored clips in processes that see fewer vector instructions than the
processor has (`mask_cpuid.c`). Linux on x86-64, with a compiler.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.docs.reliability import run_here
from tools.docs.stored import MEASURED
from workbench.recipe.sections import Quantization
from workbench.runtime.isolation import IsolatedProcess

if TYPE_CHECKING:
    from workbench.measure.deviation import Deviation

_WORST_CLIPS = 3  # of each kind: the other clips are far from any limit

_FEATURES: Mapping[str, tuple[int, int, int, tuple[int, ...]]] = {
    "avx": (1, 0, 2, (26, 27, 28, 29)),  # with xsave and f16c
    "fma": (1, 0, 2, (12,)),
    "avx2": (7, 0, 1, (3, 5, 8)),  # with bmi
    "avx-vnni": (7, 1, 0, (4, 23)),
    "avx512": (7, 0, 1, (16, 17, 28, 30, 31)),
    "avx512-vnni": (7, 0, 2, (1, 6, 8, 9, 10, 11, 12, 14)),  # and the other integer extensions
    "avx512-ifma": (7, 0, 1, (21,)),
    "avx512-fp16": (7, 0, 3, (8, 22, 23, 24, 25)),  # and AMX
    "avx512-bf16": (7, 1, 0, (5, 21)),
    "avx10": (7, 1, 3, (4, 5, 8, 10, 19)),
}
"""Group of instructions -> leaf, subleaf and register of CPUID (0 eax to 3 edx), and its bits there."""

_NEW = ("avx512-fp16", "avx512-bf16", "avx10")
_VNNI = (*_NEW, "avx-vnni", "avx512-vnni", "avx512-ifma")
_AMD = ((0, 0, 1, 0, 0x68747541), (0, 0, 3, 0, 0x69746E65), (0, 0, 2, 0, 0x444D4163))  # "AuthenticAMD"
CONDITIONS: Mapping[str, tuple[str, ...]] = {
    "this processor": (),
    "AVX-512": _VNNI,
    "AVX2": (*_VNNI, "avx512"),
    "AVX2, named AMD": (*_VNNI, "avx512"),
    "AVX": (*_VNNI, "avx512", "avx2", "fma"),
    "SSE4.2": (*_VNNI, "avx512", "avx2", "fma", "avx"),
    "this processor, 2 threads": (),
}
"""Condition -> the groups of instructions that are hidden. MKL chooses other kernels if the vendor is not Intel."""


def environment_of(condition: str, library: Path) -> dict[str, str]:
    """Returns the environment of a process in a condition; `library` is mask_cpuid.c, compiled."""
    bits: dict[tuple[int, int, int], int] = defaultdict(int)
    for feature in CONDITIONS[condition]:
        leaf, subleaf, register, positions = _FEATURES[feature]
        bits[leaf, subleaf, register] |= sum(1 << position for position in positions)
    masks = [(*place, 0xFFFFFFFF & ~hidden, 0) for place, hidden in bits.items()]
    masks += _AMD if condition.endswith("named AMD") else ()
    if not masks:
        return dict(os.environ)
    text = " ".join(f"{number:x}" for mask in masks for number in mask)
    return {**os.environ, "LD_PRELOAD": str(library), "CPUID_MASKS": text}


def compile_library(folder: Path) -> Path:
    """Compiles mask_cpuid.c."""
    source, library = Path(__file__).with_name("mask_cpuid.c"), folder / "mask_cpuid.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    return library


def build(recipes: list[Path], variants: list[str], folder: Path) -> None:
    """Builds the program of every variant, or of the named ones, into a folder that has its name."""
    command = [sys.executable, "-m", "workbench", "build", *map(str, recipes), "--out", str(folder)]
    command += [f"--variant={name}" for name in variants]
    subprocess.run(command, check=True)


def figures_here(
    recipes: list[Path], folder: Path, threads: int, child: IsolatedProcess
) -> Iterator[tuple[str, dict[str, float | None]]]:
    """Yields the name of each variant, and what each of its gates on a deviation limits, measured in this process.

    The clips are those with the largest deviations in the stored result, which also has the alignment.
    """
    import torch

    from workbench.export.backends import file_name_for
    from workbench.measure.deviation import deviation
    from workbench.progress import Progress
    from workbench.records.metrics import metric_value
    from workbench.records.result import read_result
    from workbench.runtime.open_program import run_program
    from workbench.runtime.state_protocol import protocol_of
    from workbench.workflows.folders import open_catalog
    from workbench.workflows.load_recipes import load_variants
    from workbench.workflows.variant.baseline import BaselineCache, Request
    from workbench.workflows.variant.prepare import load_clips, prepare
    from workbench.workflows.variant.score.clips import ProgramFrames, batches, pair_frames

    torch.set_num_threads(threads)
    catalog, cache, progress = open_catalog(), BaselineCache(), Progress()
    for recipe in load_variants(recipes, catalog):
        path = folder / recipe.name / file_name_for(recipe.lowering.backend)
        stored = MEASURED / f"{recipe.name}.json"
        if not (path.is_file() and stored.is_file()):
            continue
        result = read_result(stored)
        assert result.deviation is not None and result.truth is not None
        audio = recipe.audio.model_copy(update={"calibrate": (), "score": worst_clips(result.deviation)})
        speed = recipe.speed.model_copy(update={"threads": threads})
        bare = recipe.model_copy(update={"audio": audio, "speed": speed, "quantization": Quantization()})
        (variant,) = load_clips([prepare(bare)], catalog, None, progress)
        sizes, sides = ProgramFrames(variant, path).call_sizes, protocol_of(recipe.protocol)
        baseline, program = [], []
        for batch, clips in enumerate(batches(variant)):
            calls = sizes(clips[0], batch)
            requests = [Request(clip, sides.baseline, calls) for clip in clips]
            baseline += [cache.frames(variant.baseline, threads, request) for request in requests]
            samples = [clip.samples for clip in clips]
            program += child.call(run_program, path, samples, calls, sides.variant, threads=threads)
        pairs = pair_frames(variant, baseline, program, result.truth.delay_ms)
        found = deviation(pairs, recipe.scoring.voiced_confidence)
        gated = [gate.metric for gate in recipe.gates if gate.metric.startswith("deviation.")]
        yield recipe.name, {metric: metric_value(metric.partition(".")[2], found)[0] for metric in gated}


def worst_clips(stored: "Deviation") -> tuple[str, ...]:
    """Returns the clips with the largest deviations of pitch and of confidence, in the order of the record."""
    by_pitch = sorted(stored.clips, key=lambda clip: clip.pitch.max_untied_cents or 0, reverse=True)
    by_confidence = sorted(stored.clips, key=lambda clip: clip.confidence.max or 0, reverse=True)
    worst = {clip.name for clip in (*by_pitch[:_WORST_CLIPS], *by_confidence[:_WORST_CLIPS])}
    return tuple(clip.name for clip in stored.clips if clip.name in worst)


def measure(recipes: list[Path], variants: list[str], conditions: list[str], folder: Path) -> dict[str, Any]:
    """Returns variant -> metric -> condition -> the figure, and where it was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    library = compile_library(folder)
    if not (folder / "programs").is_dir():
        build(recipes, variants, folder / "programs")
    figures: dict[str, dict[str, dict[str, float | None]]] = {}
    for condition in conditions:
        command = [sys.executable, "-m", __spec__.name, *map(str, recipes), "--work", str(folder / "programs")]
        command += ["--threads", "2" if condition.endswith("2 threads") else "1"]
        environment = environment_of(condition, library)
        ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if ran.returncode:
            raise SystemExit(f"{condition}: ended with {ran.returncode}")
        for line in ran.stdout.splitlines():
            name, found = json.loads(line)
            print(condition, name, found, flush=True)
            for metric, value in found.items():
                figures.setdefault(name, {}).setdefault(metric, {})[condition] = value
    return {**run_here(), "figures": figures}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measures the figures that gates limit under fewer instructions.")
    parser.add_argument("recipes", nargs="+", type=Path)
    parser.add_argument("--variant", action="append", default=[], help="a variant of the recipes; several are possible")
    parser.add_argument("--only", action="append", choices=CONDITIONS, help="a condition; several are possible")
    parser.add_argument("--programs", type=Path, help="keep the programs in this folder, or use those that are there")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="also write the figures as JSON")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        with IsolatedProcess() as child:
            for figures in figures_here(arguments.recipes, arguments.work, arguments.threads, child):
                print(json.dumps(figures), flush=True)
        sys.exit(0)
    with tempfile.TemporaryDirectory(prefix="instruction-sets-") as made:
        folder = arguments.programs or Path(made)
        found = measure(arguments.recipes, arguments.variant, arguments.only or list(CONDITIONS), folder)
    if arguments.out:
        if arguments.out.is_file():
            found["figures"] = {**json.loads(arguments.out.read_text())["figures"], **found["figures"]}
        arguments.out.write_text(json.dumps(found, indent=2) + "\n")
