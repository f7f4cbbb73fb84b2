"""The last step of a search: the winner's recipe as a file, built and scored once on the scoring clips."""

from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import ProgramError
from workbench.measure.deviation import Deviation
from workbench.progress import Progress
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.metrics import metric_value
from workbench.records.result import Result
from workbench.records.search.trials import BothScores, ClipScores, FoundRecipe, Search, TrialRecord
from workbench.storage.atomic import write_atomic
from workbench.workflows.jobs.variants import Caches
from workbench.workflows.load_recipes import load_variants
from workbench.workflows.search.final import hold_final
from workbench.workflows.search.outcome import choices_of, feasible, front, nearest_misses, recipe_text, why, winner
from workbench.workflows.search.space import Space
from workbench.workflows.search.study import Study
from workbench.workflows.search.trial_variant import variant_of
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.prepare import PreparedVariant, load_clips, prepare
from workbench.workflows.variant.run import run_variant

_SCORES = {
    "pitch_p95_cents": "deviation.pitch.p95_cents",
    "over_50_cents_rate": "deviation.pitch.over_50_cents_rate",
    "confidence_p95": "deviation.confidence.p95",
}
_NO_WINNER = "no trial meets all constraints"


def finish(
    study: Study,
    base: PreparedVariant,
    folder: Path,
    catalog: ClipCatalog,
    progress: Progress,
    caches: Caches,
) -> Search:
    """Holds the final if none was held yet, writes the recipes of the front, scores the winner, returns the record.

    The caller has the folder's lock and the timing lock. `base` is the base recipe with the calibration clips.
    """
    space, trials = study.space, study.trials()
    final = study.final(len(trials)) if space.model.objective == "fastest" and feasible(trials) else ()
    if final is None:
        final = study.keep_final(hold_final(space, trials, base, caches, progress), len(trials))
    won = winner(space, trials, final)
    best = [won] if won is not None and final else front(space, trials)
    record = Search(
        created=now_utc(),
        space=space.name,
        space_sha256=space.sha256,
        base=space.base.name,
        objective=space.model.objective,
        metrics=space.metrics,
        constraints={gate.metric: str(gate) for gate in space.model.constraints},
        environment=environment(space.base.speed.threads),
        trials=tuple(trials),
        importance=study.importance(),
        front=tuple(trial.number for trial in best),
        final=final,
        winner=None if won is None else won.number,
        why=tuple(nearest_misses(space, trials)) if won is None else why(space, trials, won, final),
        recipes=(),
        search=None,
        null_reasons={"winner": _NO_WINNER, "search": _NO_WINNER} if won is None else {"search": "not scored yet"},
    )
    if won is None:
        return record
    others = [trial for trial in best if trial.number != won.number]
    for trial in (won, *others):
        recipe = variant_of(space, choices_of(space, trial.parameters)).recipe
        text = recipe_text(recipe, space, trial, len(trials), final)
        write_atomic(folder / _file_name(space, trial, won), text.encode())
    result = _score(folder / _file_name(space, won, won), folder, catalog, progress, caches)
    assert result.program is not None
    recipes = [_found(space, trial, won, result) for trial in (won, *others)]
    return record.replace(recipes=tuple(recipes), search=_both(won, result), null_reasons={})


def _file_name(space: Space, trial: TrialRecord, won: TrialRecord) -> str:
    return f"{space.name}-found.yaml" if trial.number == won.number else f"{space.name}-trial-{trial.number}.yaml"


def _found(space: Space, trial: TrialRecord, won: TrialRecord, result: Result) -> FoundRecipe:
    assert result.program is not None
    sha256 = result.program.sha256 if trial.number == won.number else None
    return FoundRecipe(
        trial=trial.number,
        file=_file_name(space, trial, won),
        program_sha256=sha256,
        program_bytes=round(trial.metrics["program.bytes"]),
        null_reasons={} if sha256 else {"program_sha256": "only the winner is built from its file"},
    )


def _score(
    path: Path,
    folder: Path,
    catalog: ClipCatalog,
    progress: Progress,
    caches: Caches,
) -> Result:
    """Runs the file of the winner as `run` does; a result of the same recipe that is there is reused."""
    variants = load_variants([path], catalog)
    (variant,) = load_clips([prepare(variants[0])], catalog, None, progress)
    result = run_variant(
        variant, folder / "winner", progress.child("winner"), BaselineCache(caches.baselines), store=caches.programs
    ).result
    if result.program is None or result.deviation is None:
        missing = "program" if result.program is None else "deviation"
        raise ProgramError(f"{path}: {result.null_reasons[missing]}")
    return result


def _both(won: TrialRecord, result: Result) -> BothScores:
    assert result.deviation is not None
    roles = [clip.role for clip in result.audio]
    found: Deviation = result.deviation
    scoring_values = {name: metric_value(metric, result) for name, metric in _SCORES.items()}
    scoring = ClipScores(
        clips=roles.count("score"),
        frames=found.frames,
        voiced_frames=found.voiced_frames,
        null_reasons={name: reason for name, (value, reason) in scoring_values.items() if value is None},
        **{name: value for name, (value, _) in scoring_values.items()},
    )
    values = {name: won.metrics.get(metric) for name, metric in _SCORES.items()}
    calibration = ClipScores(
        clips=roles.count("calibrate"),
        frames=round(won.metrics["deviation.frames"]),
        voiced_frames=round(won.metrics["deviation.voiced_frames"]),
        null_reasons={name: "the trial has no such value" for name, value in values.items() if value is None},
        **values,
    )
    if scoring.pitch_p95_cents is None or calibration.pitch_p95_cents is None:
        nulls = {"gap_p95_cents": "one of the two has no pitch deviation"}
        return BothScores(calibration=calibration, scoring=scoring, gap_p95_cents=None, null_reasons=nulls)
    gap = scoring.pitch_p95_cents - calibration.pitch_p95_cents
    return BothScores(calibration=calibration, scoring=scoring, gap_p95_cents=gap)
