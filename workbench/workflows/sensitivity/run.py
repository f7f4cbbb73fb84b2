"""What each single change of a recipe costs in cents and saves in bytes, on its calibration clips."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from workbench.errors import AudioError, RecipeError
from workbench.measure.deviation import Deviation
from workbench.model.streaming import StreamingPesto
from workbench.progress import Progress
from workbench.quantize.layers import layers
from workbench.quantize.simulate import stored_bytes
from workbench.recipe import Recipe
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.result import recipe_used
from workbench.records.search.sensitivity import SENSITIVITY_NAME, Effect, Sensitivity, read_sensitivity
from workbench.storage.json_files import archive_earlier, write_json
from workbench.storage.locks import exclusive
from workbench.workflows.sensitivity.changes import Change, changes_of, with_keys, without_quantization
from workbench.workflows.sensitivity.lowered import check_in_programs
from workbench.workflows.sensitivity.simulation import Comparison, Simulation
from workbench.workflows.variant.fingerprint import canonical_sha256
from workbench.workflows.variant.prepare import PreparedVariant, prepare

NOT_CHECKED = "simulated only; the largest effects are checked in programs"


def check(recipe: Recipe) -> None:
    """Raises RecipeError if the layers of a recipe cannot be changed one by one."""
    if recipe.lowering.backend != "xnnpack":
        problem = f"expected xnnpack for a sensitivity, got {recipe.lowering.backend}"
        raise RecipeError([f"{recipe.source}: lowering.backend: {problem}"])


def sensitivity(
    variant: PreparedVariant,
    folder: Path,
    checked: int,
    progress: Progress,
    fresh: bool = False,
    store: Path | None = None,
) -> Sensitivity:
    """Simulates each change of a variant by itself, and checks the largest effects in programs.

    Each effect is stored when it is there: the same call in the same folder continues after a kill.

    Args:
        variant: The variant, with its calibration clips.
        folder: The folder of the record and of the programs.
        checked: The number of effects to check in programs.
        progress: Receives the stages.
        fresh: Reuses nothing.
        store: The cache of programs of all runs.

    Raises:
        RecipeError: The recipe has another backend than XNNPACK.
        AudioError: It has no calibration clips.
        ChangedError: The checkpoint or the source changed meanwhile.
        WorkbenchError: Another process uses the folder.
    """
    recipe = variant.recipe
    check(recipe)
    if not variant.calibration_clips:
        raise AudioError(f"{recipe.source}: audio.calibrate matches no clip, and sensitivity needs some; name clips")
    with exclusive(folder):
        float_variant = _in_float(variant)
        record = _begin(variant, list(changes_of(float_variant.recipe, float_variant.model)))
        earlier = None if fresh else read_sensitivity(folder / SENSITIVITY_NAME)
        if earlier is not None and earlier.fingerprint == record.fingerprint:
            record = earlier
        else:
            archive_earlier(record, folder / SENSITIVITY_NAME)
            write_json(record, folder / SENSITIVITY_NAME)
        record = _simulate_all(record, float_variant, folder, progress)
        record = check_in_programs(record, float_variant, folder, checked, progress, store)
        variant.check_unchanged()
        return record


def _in_float(variant: PreparedVariant) -> PreparedVariant:
    """Returns the variant without quantization, with the calibration clips of the original."""
    prepared = prepare(without_quantization(variant.recipe))
    return replace(prepared, calibration_clips=variant.calibration_clips, scored_clips=variant.calibration_clips)


def _begin(variant: PreparedVariant, changes: Sequence[Change]) -> Sensitivity:
    made_from = (
        variant.program_fingerprint,
        variant.source.result,
        [[clip.name, clip.sha256, clip.f0 and clip.f0.sha256] for clip in variant.calibration_clips],
        [[change.target, change.choice] for change in changes],
    )
    return Sensitivity(
        created=now_utc(),
        fingerprint=canonical_sha256(*made_from),
        recipe=recipe_used(variant.recipe, variant.checkpoint_sha256),
        environment=environment(variant.recipe.speed.threads),
        clips=tuple(clip.name for clip in variant.calibration_clips),
        planned=len(changes),
        float_program=None,
        effects=(),
        null_reasons={"float_program": "no change is checked in a program yet"},
    )


def _simulate_all(record: Sensitivity, float_variant: PreparedVariant, folder: Path, progress: Progress) -> Sensitivity:
    """Returns the record with every effect. Those that it has already are kept."""
    torch.set_num_threads(float_variant.recipe.speed.threads)
    changes = list(changes_of(float_variant.recipe, float_variant.model))
    with progress.stage("simulate", len(changes)) as advance:
        advance(len(record.effects))
        missing = changes[len(record.effects) :]
        if missing:
            simulate = _Simulator(float_variant)
            for change in missing:
                record = record.replace(created=now_utc(), effects=(*record.effects, simulate(change)))
                write_json(record, folder / SENSITIVITY_NAME)
                advance(1)
    return record


class _Simulator:
    """Simulates changes of a float variant, each against the exact stream without it."""

    def __init__(self, variant: PreparedVariant) -> None:
        self._variant = variant
        self._simulation = Simulation(variant.model, variant.calibration_clips)
        self._comparison = Comparison(variant, self._simulation.frames())
        self._exact: tuple[str, StreamingPesto, Comparison] | None = None  # of the last key: its values are in a row

    def __call__(self, change: Change) -> Effect:
        recipe = with_keys(self._variant.recipe, change.keys)
        if change.kind == "layer":
            weight = layers(self._variant.model)[change.target].get_parameter("weight")
            scheme = recipe.quantization.parts[change.target]
            sizes = stored_bytes(weight, scheme), stored_bytes(weight, "none")
            frames = self._comparison.reference if scheme == "none" else self._simulation.frames(recipe.quantization)
            return _effect(change, *sizes, self._comparison.deviation(frames))
        model = prepare(recipe).model
        exact, comparison = self._without(change)
        found = comparison.deviation(Simulation(model, self._variant.calibration_clips).frames())
        return _effect(change, _part_bytes(model, change.part), _part_bytes(exact, change.part), found)

    def _without(self, change: Change) -> tuple[StreamingPesto, Comparison]:
        """Returns the exact stream that a change of a key is compared with."""
        if not change.without:
            return self._variant.model, self._comparison
        if self._exact is None or self._exact[0] != change.target:
            model = prepare(with_keys(self._variant.recipe, change.without)).model
            frames = Simulation(model, self._variant.calibration_clips).frames()
            self._exact = change.target, model, Comparison(self._variant, frames)
        return self._exact[1:]


def _part_bytes(model: StreamingPesto, part: str) -> int:
    module = getattr(model, part)
    return sum(tensor.numel() * tensor.element_size() for tensor in (*module.parameters(), *module.buffers()))


def _effect(change: Change, weight_bytes: int, bytes_without: int, found: Deviation) -> Effect:
    numbers: dict[str, Callable[[], tuple[float | None, str]]] = {
        "pitch_p95_cents": lambda: (found.pitch.p95_cents, found.pitch.null_reasons.get("p95_cents", "")),
        "over_50_cents_rate": lambda: (
            found.pitch.over_50_cents_rate,
            found.pitch.null_reasons.get("over_50_cents_rate", ""),
        ),
        "confidence_p95": lambda: (found.confidence.p95, found.confidence.null_reasons.get("p95", "")),
    }
    values = {name: number() for name, number in numbers.items()}
    nulls = {name: reason for name, (value, reason) in values.items() if value is None}
    return Effect(
        kind=change.kind,
        target=change.target,
        choice=change.choice,
        weight_bytes=weight_bytes,
        saved_bytes=bytes_without - weight_bytes,
        frames=found.frames,
        voiced_frames=found.voiced_frames,
        lowered=None,
        native_us=None,
        null_reasons={**nulls, "lowered": NOT_CHECKED, "native_us": NOT_CHECKED},
        **{name: value for name, (value, _) in values.items()},
    )
