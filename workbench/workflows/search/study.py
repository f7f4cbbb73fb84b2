"""The search itself: Optuna chooses, an evaluator says what a choice is worth, and storage keeps both.

Several processes, also on several machines, may work on one study: each takes the next trial. The state is in the
storage only. A worker sends a heartbeat; a trial whose worker is silent is failed, and its choices are tried again.
"""

import json
import platform
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import Any

from workbench.errors import NotInstalledError, WorkbenchError
from workbench.extras import SEARCH
from workbench.progress import Progress
from workbench.records.search.trials import Finalist, Outcome, TrialRecord
from workbench.workflows.search.evaluation import Evaluation, Evaluator, WorkerLostError, violations_of
from workbench.workflows.search.space import Choices, Space
from workbench.workflows.search.space_schema import Range, label_of
from workbench.workflows.search.storage import hidden_password, open_database, storage_error

try:
    import optuna
    import sqlalchemy.exc
    from optuna.trial import FrozenTrial, TrialState
except ImportError as error:
    raise NotInstalledError(SEARCH.missing_hint()) from error

GRACE_S, POLL_S = 120, 2.0
_RETRIES = 2
_ASKING = threading.Lock()  # the choice of a trial depends on the trials that run, also in other threads
_MAXIMIZED = "speedup_p50"
_FOUND = "found"  # the attribute of a trial with what is known of it: one write to the database
_FINAL = "final"  # the attribute of the study with the last final


class Study:
    """A study in its storage.

    Args:
        space: The space. A study in the storage with the same name has to be one of the same space.
        storage: The URL of a database.
        grace_s: A worker that is silent for this long is dead.

    Raises:
        WorkbenchError: The storage cannot be reached, or has a study of another space under this name.
    """

    def __init__(self, space: Space, storage: str, grace_s: int = GRACE_S) -> None:
        self.space, self._url = space, storage
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            self._study = optuna.create_study(
                storage=open_database(storage, grace_s, _RETRIES),
                study_name=space.name,
                load_if_exists=True,
                directions=[_direction(metric) for metric in space.metrics],
            )
        except (sqlalchemy.exc.SQLAlchemyError, ImportError, ValueError, optuna.exceptions.OptunaError) as error:
            raise storage_error(storage, error) from error
        known = self._study.user_attrs.get("space")
        if known not in (None, space.sha256) or len(self._study.directions) != len(space.metrics):
            raise WorkbenchError(
                f"{hidden_password(storage)}: has the study {space.name} of another space; choose another --storage or "
                "--out, or rename the file of the space"
            )
        if known is None:
            self._study.set_user_attr("space", space.sha256)
            base = space.base_choices()
            if base is not None:
                self._study.enqueue_trial(base, skip_if_exists=True)

    def run(self, evaluate: Evaluator, progress: Progress) -> None:
        """Takes trials until the study has enough and no other worker has one; takes over those of dead workers.

        Raises:
            WorkbenchError: The storage cannot be reached any more, or evaluation failed as a whole.
            KeyboardInterrupt: Its trial is queued again first.
        """
        target = self.space.model.trials
        with self._translated(), progress.stage("trials", target) as advance:
            reported = 0
            while True:
                optuna.storages.fail_stale_trials(self._study)
                done = len(self._in_state(TrialState.COMPLETE, TrialState.PRUNED))
                advance(min(done, target) - reported)
                reported = min(done, target)
                if self._next(evaluate, progress):
                    continue
                if self._in_state(TrialState.RUNNING):
                    time.sleep(POLL_S)  # the last ones are another worker's: if it dies, they are tried again
                else:
                    return

    def trials(self) -> list[TrialRecord]:
        """Returns all finished trials in order."""
        finished = self._in_state(TrialState.COMPLETE, TrialState.PRUNED)
        return [_trial(trial) for trial in finished]

    def final(self, trials: int) -> tuple[Finalist, ...] | None:
        """Returns the final that was held after this number of trials; None if there was none."""
        with self._translated():
            kept = self._study.user_attrs.get(_FINAL)
        if kept is None or kept["trials"] != trials:
            return None
        return tuple(Finalist.model_validate(finalist) for finalist in kept["finalists"])

    def keep_final(self, finalists: Sequence[Finalist], trials: int) -> tuple[Finalist, ...]:
        """Stores a final that was held after this number of trials, and returns the one that counts: the first.

        So the same command again, or on another machine, has the same winner.
        """
        first = self.final(trials)
        if first is not None:
            return first
        kept = {"trials": trials, "finalists": [each.model_dump(mode="json") for each in finalists]}
        with self._translated():
            self._study.set_user_attr(_FINAL, kept)
        return tuple(finalists)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raises what the storage raises as WorkbenchError."""
        try:
            yield
        except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            raise storage_error(self._url, error) from error

    def importance(self) -> dict[str, float]:
        """Returns how much each parameter decides about the first objective, adding up to 1; {} if nothing is known."""
        complete = self._in_state(TrialState.COMPLETE)
        if len(complete) < 8:  # fewer say nothing
            return {}
        sign = -1 if self.space.metrics[0].endswith(_MAXIMIZED) else 1  # the evaluator looks at the lowest values
        try:
            found = optuna.importance.get_param_importances(
                self._study,
                evaluator=optuna.importance.PedAnovaImportanceEvaluator(),
                target=lambda trial: sign * trial.values[0],
            )
        except (ValueError, RuntimeError):
            return {}
        return {name: float(value) for name, value in found.items()}

    def _in_state(self, *states: TrialState) -> list[FrozenTrial]:
        found: list[FrozenTrial] = self._study.get_trials(deepcopy=False, states=states)
        return found

    def _next(self, evaluate: Evaluator, progress: Progress) -> bool:
        """Runs one trial. Returns False if there are enough.

        The choice depends on the seed and on the trials before it, not on when a worker started.
        """
        with ExitStack() as asking:
            asking.enter_context(_ASKING)
            # read at once: a trial that ends between two reads would be in neither count
            states = [trial.state for trial in self._study.get_trials(deepcopy=False)]
            count, running = len(states), states.count(TrialState.RUNNING)
            done = states.count(TrialState.COMPLETE) + states.count(TrialState.PRUNED)
            if done + running >= self.space.model.trials:
                return False
            seed = random.Random(f"{self.space.model.seed} {count} {running}").randrange(2**31)
            self._study.sampler = _sampler(len(self.space.metrics), seed)

            def objective(trial: optuna.Trial) -> list[float]:
                return self._evaluate(trial, evaluate, progress, asking.close)

            try:
                self._study.optimize(objective, n_trials=1, catch=WorkerLostError)
            except (optuna.exceptions.UpdateFinishedTrialError, ValueError) as error:
                if not str(error).startswith("Cannot tell a"):  # it is finished: this worker was silent for too long
                    raise
        return True

    def _evaluate(
        self, trial: optuna.Trial, evaluate: Evaluator, progress: Progress, asked: Callable[[], None]
    ) -> list[float]:
        started_at = time.perf_counter()
        choices = _suggest(trial, self.space)
        asked()
        try:
            found = self._known(trial) or evaluate(choices, trial.number, progress.child(f"trial {trial.number}"))
        except KeyboardInterrupt:
            self._study.enqueue_trial(trial.params)
            raise
        except WorkerLostError as error:
            if sum(other.params == trial.params for other in self._in_state(TrialState.FAIL)) < _RETRIES:
                self._study.enqueue_trial(trial.params)
                raise
            found = Evaluation("build", {}, f"{error}, {_RETRIES + 1} times", failed=True)
        violations = violations_of(self.space, found)
        for gate, exceeds in zip(self.space.model.constraints, violations, strict=True):
            trial.set_constraint(gate.metric, exceeds)
        ran = {"machine": platform.node(), "seconds": time.perf_counter() - started_at}
        trial.set_user_attr(_FOUND, {**asdict(found), "violation": sum(max(0.0, value) for value in violations), **ran})
        values = [found.metrics.get(metric) for metric in self.space.metrics]
        if found.failed or any(value is None for value in values):
            raise optuna.TrialPruned
        return [value for value in values if value is not None]

    def _known(self, trial: optuna.Trial) -> Evaluation | None:
        """Returns what an earlier trial with the same choices was worth: it is not evaluated again."""
        for other in self._in_state(TrialState.COMPLETE, TrialState.PRUNED):
            if other.params == trial.params:
                known = other.user_attrs[_FOUND]
                return Evaluation(known["stage"], known["metrics"], known["stopped"], known["failed"])
        return None


def _suggest(trial: optuna.Trial, space: Space) -> Choices:
    """Asks Optuna for a value of each key and a scheme of each pattern."""
    keys: dict[str, Any] = {}
    for key, choices in space.model.keys.items():
        if not isinstance(choices, Range):
            labels = [label_of(choice) for choice in choices]
            keys[key] = json.loads(trial.suggest_categorical(key, labels))
        elif isinstance(choices.low, int) and isinstance(choices.high, int):
            keys[key] = trial.suggest_int(key, choices.low, choices.high, log=choices.log)
        else:
            keys[key] = _rounded(trial.suggest_float(key, choices.low, choices.high, log=choices.log))
    layers = {pattern: trial.suggest_categorical(pattern, schemes) for pattern, schemes in space.model.layers.items()}
    return Choices(keys, layers)


def _rounded(value: Any) -> Any:
    """Returns a number of a range with four digits, as a recipe has it; whatever else as it is."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _direction(metric: str) -> str:
    return "maximize" if metric.endswith(_MAXIMIZED) else "minimize"


def _sampler(objectives: int, seed: int) -> optuna.samplers.BaseSampler:
    if objectives > 1:
        return optuna.samplers.NSGAIISampler(population_size=20, seed=seed)
    return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)


def _trial(trial: FrozenTrial) -> TrialRecord:
    found = trial.user_attrs[_FOUND]
    outcome: Outcome = "infeasible" if found["violation"] else "feasible"
    if trial.state == TrialState.PRUNED:
        outcome = "failed" if found["failed"] else "stopped"
    return TrialRecord(
        number=trial.number,
        outcome=outcome,
        parameters={name: _rounded(value) for name, value in trial.params.items()},
        metrics=found["metrics"],
        violation=found["violation"],
        reason=found["stopped"],
        machine=found["machine"],
        seconds=found["seconds"],
    )
