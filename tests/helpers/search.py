"""A search without programs: an evaluator that computes bytes and cents from the choices, and a worker to kill."""

import sys
import time
from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.progress import Progress
from workbench.workflows.search.evaluation import Evaluation
from workbench.workflows.search.space import Choices, load_space
from workbench.workflows.search.study import Study


class FakeEvaluator:
    """Smaller blocks and coarser tolerances are smaller and worse; int8 in the first layer ruins the pitch."""

    def __init__(self, seconds: object = 0.0, *_: object) -> None:
        self.numbers: list[int] = []
        self._seconds = seconds if isinstance(seconds, float) else 0.0

    def __call__(self, choices: Choices, number: int, progress: Progress) -> Evaluation:
        self.numbers.append(number)
        time.sleep(self._seconds)
        tolerance, block = choices.keys["frontend_tolerance"], choices.keys["lowering.toeplitz_block"]
        cents = 200 * tolerance + (3.0 if choices.layers["encoder.first"] != "none" else 0.1)
        metrics = {"deviation.pitch.p95_cents": cents, "program.bytes": 1000.0 * block + 1 / tolerance}
        metrics["speed.native.speedup_p50"] = block / (1 + 100 * tolerance)
        metrics["speed.native.p50_us"] = 100.0 + number  # the first trial was timed while the machine was fast
        if cents > 3.5:
            return Evaluation("simulate", {"deviation.pitch.p95_cents": cents}, "too far off")
        return Evaluation("time", metrics)


if __name__ == "__main__":  # a worker: SPACE CATALOG STORAGE GRACE_S SECONDS
    path, catalog, storage, grace_s, seconds = sys.argv[1:]
    study = Study(load_space(Path(path), ClipCatalog(Path(catalog))), storage, int(grace_s))
    print("joined", flush=True)
    study.run(FakeEvaluator(float(seconds)), Progress())
