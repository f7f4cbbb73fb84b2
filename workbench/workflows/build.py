"""Variants from recipes to programs; a program that is rebuilt from a result is compared with it, byte for byte."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.audit.reproduce import Rebuilt, compare_rebuilt
from workbench.progress import ShowProgress
from workbench.records.environment import environment
from workbench.records.result import Result
from workbench.storage.locks import exclusive
from workbench.workflows.variant.build import Built, build, check_no_result_replaced
from workbench.workflows.variant.prepare import PreparedVariant


@dataclass(frozen=True)
class BuildOutcome:
    """A program in its folder, and how it compares with the result that it was rebuilt from, if it was."""

    folder: Path
    built: Built
    comparison: Rebuilt | None = None


def build_programs(
    variants: Sequence[PreparedVariant],
    folder: Path,
    show_progress: ShowProgress,
    fresh: bool = False,
    store: Path | None = None,
    results: Mapping[str, Result] | None = None,
) -> Iterator[BuildOutcome]:
    """Builds each variant's program in a folder below `folder` that has its name.

    Args:
        variants: The variants, with their calibration clips if they are quantized.
        folder: The folder of the programs.
        show_progress: Called with a title for each variant.
        fresh: Exports every program even if it is cached.
        store: The cache of programs of all runs.
        results: By the name of a variant, the result whose program is rebuilt. It is always exported again.

    Raises:
        WorkbenchError: A folder has a result whose program would be replaced.
        LoweringError: A program cannot be exported.
        ProgramError: A program does not load or run.
        ChangedError: The checkpoint or the source changed since the variant was prepared.
    """
    for variant in variants:
        target, result = folder / variant.name, (results or {}).get(variant.name)
        rebuild = fresh or result is not None
        with show_progress(variant.name) as progress, exclusive(target):
            check_no_result_replaced(target, variant, rebuild)
            built = build(variant, target, progress, rebuild, store)
        comparison = None
        if result is not None:
            here = environment(variant.recipe.speed.threads)
            comparison = compare_rebuilt(
                result, built.program, here, variant.calibration_clips, variant.checkpoint_sha256
            )
        yield BuildOutcome(target, built, comparison)
