"""A variant's program and its scores, in the staging folder; its timing comes afterwards, when nothing else runs."""

import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import LoweringError, ProgramError
from workbench.export.program_file import FILE_NAMES, ProgramFile
from workbench.measure.call_sizes import over_sizes
from workbench.progress import Progress, StageTimer
from workbench.records.result import Scores
from workbench.records.unfinished.scores import StoredScores, load_scores, save_scores
from workbench.records.unfinished.staging import SCORE_FILES, recover, remove, staging_dir
from workbench.runtime.isolation import start_template
from workbench.storage.locks import exclusive
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.build import Built, build_in_staging, errors_name_folder
from workbench.workflows.variant.prepare import PreparedVariant
from workbench.workflows.variant.score.call_sizes import score_sizes
from workbench.workflows.variant.score.clips import ProgramFrames, score
from workbench.workflows.variant.score.requests import baseline_requests
from workbench.workflows.variant.store_frames import store_frames


@dataclass(frozen=True)
class Ahead:
    """What another process has done for a variant. `error` says why it cannot be built or scored, if it cannot.

    `built_before`: The program was not exported again.
    """

    built_before: bool = False
    error: LoweringError | ProgramError | None = None


def build_and_score(
    variant: PreparedVariant,
    folder: Path,
    progress: Progress,
    cache: BaselineCache,
    fresh: bool,
    store: Path | None,
    timer: StageTimer,
) -> tuple[Built, Scores | None]:
    """Builds and scores a variant in the staging folder of `folder`. What an earlier call left there is reused.

    Workers of the cache run the baseline meanwhile.

    The caller has the folder's lock. The scores are None if this machine cannot run the program. Raises what `build`
    and `score` raise.
    """
    start_template()  # while the program is built
    staging = staging_dir(folder)
    if fresh:
        shutil.rmtree(staging, ignore_errors=True)
    computing = cache.computing(variant.baseline, variant.recipe.speed.threads, baseline_requests(variant).all)
    with computing, timer.stage("build"):
        built = build_in_staging(variant, folder, progress, fresh, store)
        # a killed run of other keys may have left another kind of program
        remove(staging, tuple(name for name in FILE_NAMES if name not in built.program.files))
    if built.unsupported_reason:
        remove(staging, SCORE_FILES)
        return built, None
    with errors_name_folder(staging, folder):
        return built, _load_or_score(variant, staging, built.program, progress, cache, timer)


def score_ahead(
    variant: bytes, folder: Path, shown_folder: Path, fresh: bool, store: Path | None, baselines: Path | None
) -> Ahead:
    """Builds and scores a variant in this process, so that `run_variant` has only to time it.

    Args:
        variant: The pickled variant.
        folder: The folder of the variant.
        shown_folder: The folder that an error names.
        fresh: Reuses nothing.
        store: The cache of programs of all runs.
        baselines: The cache of the baseline's frames of all runs.
    """
    prepared: PreparedVariant = pickle.loads(variant)
    with exclusive(folder):
        recover(folder)
        try:
            cache = BaselineCache(baselines, fresh)
            with errors_name_folder(folder, shown_folder):
                built, _ = build_and_score(prepared, folder, Progress(), cache, fresh, store, StageTimer())
        except (LoweringError, ProgramError) as error:
            remove(staging_dir(folder))
            return Ahead(error=error)
    return Ahead(built.reused)


def _load_or_score(
    variant: PreparedVariant,
    staging: Path,
    program: ProgramFile,
    progress: Progress,
    cache: BaselineCache,
    timer: StageTimer,
) -> Scores:
    """Returns the scores of a run that ended after scoring, or else scores and stores what belongs to it."""
    made_from = (variant.fingerprint, program.sha256)
    stored = load_scores(staging, made_from, variant.scored_clips)
    if stored is not None:
        timer.seconds.update(stored.seconds)
        return stored.scores
    remove(staging, SCORE_FILES)
    path = staging / program.path
    scored = score(variant, ProgramFrames(variant, path), cache, progress, timer)
    scores = scored.scores
    with timer.stage("pictures"):
        store_frames(variant, scored, staging, progress)
    if variant.stream.dynamic:
        with timer.stage("sizes"):
            sizes = score_sizes(variant, path, scores.truth.delay_ms, cache, progress)
        scores = scores.replace(sizes=sizes, deviation_over_sizes=over_sizes(sizes))
    variant.check_unchanged()
    save_scores(staging, made_from, StoredScores(scores, timer.seconds))
    return scores
