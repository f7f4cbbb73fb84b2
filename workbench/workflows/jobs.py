"""Variants that are built and scored at the same time, each in a child process. Nothing is timed here."""

import pickle
import queue
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.progress import Progress
from workbench.runtime.isolation import IsolatedProcess
from workbench.workflows.variant.build_and_score import score_ahead
from workbench.workflows.variant.prepare import PreparedVariant


def score_in_parallel(
    variants: Sequence[PreparedVariant],
    folder: Path,
    jobs: int,
    progress: Progress,
    fresh: bool,
    store: Path | None,
    baselines: Path | None,
) -> dict[str, bool]:
    """Builds and scores variants in `jobs` child processes, each in a folder below `folder` that has its name.

    A variant that fails, or whose process dies, is left out: `run_variant` does it again and says what is wrong.

    Returns:
        By the name of each variant that is ready to be timed, whether its program was built before.
    """
    waiting: queue.SimpleQueue[PreparedVariant] = queue.SimpleQueue()
    for variant in variants:
        waiting.put(variant)
    children: list[IsolatedProcess] = []
    scored: dict[str, bool] = {}

    def work() -> None:
        while True:
            try:
                with IsolatedProcess() as child:
                    children.append(child)
                    while True:
                        variant = waiting.get_nowait()
                        name, content = variant.name, pickle.dumps(variant)
                        scored[name] = child.call(score_ahead, content, folder / name, fresh, store, baselines)
                        advance(1)
            except queue.Empty:
                return
            except WorkbenchError:
                advance(1)

    with progress.stage("build and score", len(variants)) as advance, ThreadPoolExecutor(jobs) as threads:
        working = [threads.submit(work) for _ in range(min(jobs, len(variants)))]
        try:
            for each in working:
                each.result()
        except BaseException:
            while not waiting.empty():
                waiting.get()
            for child in children:
                child.kill()
            raise
    return scored
