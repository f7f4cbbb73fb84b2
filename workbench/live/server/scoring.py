"""Scores a take as `workbench run` does, in another process, and says when its report is there."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import first_line
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.runtime.isolation import IsolatedProcess


@dataclass(frozen=True)
class Scoring:
    """The scoring of one take: running, finished with a page, or failed with a reason."""

    page: Path | None = None
    problem: str = ""


class TakeScorer:
    """Scores takes, one after the other."""

    def __init__(self, recipes: Sequence[Recipe], calib_audio: Path | None) -> None:
        self._recipes, self._calib_audio = list(recipes), calib_audio
        self._scorings: dict[str, Scoring] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()
        self._process: IsolatedProcess | None = None

    def __getitem__(self, take: str) -> Scoring | None:
        """Returns the scoring of a take; None if it was not started."""
        return self._scorings.get(take)

    def start(self, take: str, wav: Path) -> None:
        """Starts to score a take, unless it is being scored or is scored already."""
        scoring = self._scorings.get(take)
        if scoring is not None and not scoring.problem:
            return
        if not self._recipes:
            self._scorings[take] = Scoring(problem="no recipe is known for these programs; start live with recipes")
            return
        self._scorings[take] = Scoring()
        task = asyncio.create_task(self._score(take, wav))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Ends the process that is scoring."""
        for task in self._tasks:
            task.cancel()
        if self._process is not None:
            self._process.kill()

    async def _score(self, take: str, wav: Path) -> None:
        async with self._one_at_a_time:
            self._scorings[take] = await asyncio.to_thread(self._in_a_process, wav)

    def _in_a_process(self, wav: Path) -> Scoring:
        with IsolatedProcess() as self._process:
            try:
                folder = wav.with_name(f"{wav.stem}-report")
                return Scoring(self._process.call(score_take, self._recipes, wav, folder, self._calib_audio))
            except Exception as error:  # whatever it is: the page has to know that the scoring ended
                return Scoring(problem=first_line(error))
            finally:
                self._process = None


def score_take(recipes: list[Recipe], wav: Path, folder: Path, calib_audio: Path | None) -> Path:
    """Runs recipes on a take and returns the page of the run. Raises WorkbenchError if nothing could be measured."""
    from workbench.workflows.folders import baseline_store, open_catalog, program_store
    from workbench.workflows.run import RunFailure, run_variants, write_run_report
    from workbench.workflows.variant.prepare import load_clips, prepare_all

    catalog = open_catalog(calib_audio)
    variants = load_clips(prepare_all(recipes, Progress()), catalog, wav, Progress())
    stores = program_store(), baseline_store()
    outcomes = list(run_variants(variants, folder, lambda _: nullcontext(Progress()), False, *stores))
    failures = [outcome.error for outcome in outcomes if isinstance(outcome, RunFailure)]
    results = [(outcome.result, outcome.folder) for outcome in outcomes if not isinstance(outcome, RunFailure)]
    if not results:
        raise failures[0]
    return write_run_report(folder, results, catalog).page
