"""A progress that remembers what was reported."""

from workbench.progress import Progress


class RecordedProgress(Progress):
    """Keeps the last report of each stage, and asserts that a stage counts up to its total."""

    def __init__(self) -> None:
        self.stages: dict[str, tuple[int, int]] = {}

    def report(self, stage: str, done: int, total: int) -> None:
        assert self.stages.get(stage, (0, total))[0] <= done <= total
        self.stages[stage] = (done, total)
