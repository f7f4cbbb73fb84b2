"""Training: interrupted or not, it ends with the same bytes; what goes wrong leaves the last good state."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.helpers.models.students import ARCHITECTURE, new_student, random_frames
from workbench.distill.augment import augment
from workbench.distill.batches import Batch, frames_to_train_on, load_batches
from workbench.distill.clips import synthetic_batch
from workbench.distill.held_out import held_out_scores
from workbench.distill.state import read_state, write_state
from workbench.distill.teacher import Frames, joined, teacher_frames
from workbench.distill.trainer import Trainer
from workbench.errors import TrainingError
from workbench.measure.timing import BaselineSpec
from workbench.model.streaming import StreamingPesto
from workbench.progress import Progress
from workbench.recipe.stream_config import StreamConfig
from workbench.recipe.students.section import LEAST_CONFIDENCE, Augmentation, Student, TrainingData

SETTINGS = Student(architecture=ARCHITECTURE, epochs=3, frames_per_step=20)
TEACHER = BaselineSpec("mir-1k_g7", StreamConfig(16_000, 320, 1, 1.0), "alwa", False)


def no_report(_: int) -> None: ...


def weights(trainer: Trainer) -> bytes:
    return b"".join(tensor.numpy().tobytes() for tensor in trainer.student.state_dict().values())


def test_a_resumed_training_ends_with_the_same_bytes(tmp_path: Path) -> None:
    straight = Trainer(SETTINGS, random_frames())
    losses = [straight.run_epoch(no_report) for _ in range(SETTINGS.epochs)]
    assert losses[0] > losses[1] > losses[2]

    def interrupt(_: int) -> None:
        assert torch.tensor(1e-38) / 10 == 0, "denormals are slow"
        raise KeyboardInterrupt

    first = Trainer(SETTINGS, random_frames())
    first.run_epoch(no_report)
    write_state(tmp_path / "state", "key", first.state())
    with pytest.raises(KeyboardInterrupt):
        first.run_epoch(interrupt)  # what this epoch did is lost with the process
    assert torch.tensor(1e-38) / 10 > 0, "denormals stay flushed"
    second = Trainer(SETTINGS, random_frames())
    state = read_state(tmp_path / "state", "key")
    assert state is not None
    second.restore(state)
    assert [second.run_epoch(no_report) for _ in range(2)] == losses[1:]
    assert weights(second) == weights(straight)
    assert weights(Trainer(SETTINGS.model_copy(update={"seed": 1}), random_frames())) != weights(first)


def test_a_loss_that_is_not_finite_stops_with_the_step() -> None:
    frames = random_frames()
    frames.log_energy[-1] = torch.nan
    with pytest.raises(TrainingError, match=r"^epoch 1, step [1-4]: the loss is not finite$"):
        Trainer(SETTINGS.model_copy(update={"frames_per_step": 22}), frames).run_epoch(no_report)


def test_a_state_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    assert read_state(path, "key") is None
    write_state(path, "key", {"epochs_done": 1})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("workbench.storage.atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_state(path, "key", {"epochs_done": 2})
    assert read_state(path, "key") == {"key": "key", "epochs_done": 1} and list(tmp_path.iterdir()) == [path]
    with pytest.raises(TrainingError, match="with other settings, data or versions"):
        read_state(path, "other")


def test_frames_of_low_confidence_are_not_trained_on() -> None:
    frames = random_frames()
    kept = frames_to_train_on([frames, frames], 0.5)
    assert 2 * int((frames.confidence >= 0.5).sum()) == len(kept) < 2 * len(frames)
    assert torch.equal(kept.activations[: len(kept) // 2], frames.activations[frames.confidence >= 0.5])
    rounded = Frames(*(tensor[:1] for tensor in vars(frames).values())).at_least(0)
    rounded.confidence[0] = (
        LEAST_CONFIDENCE  # float16 has no 0.02: a stored frame of this confidence is still trained on
    )
    assert len(frames_to_train_on([rounded], LEAST_CONFIDENCE)) == 1


def test_held_out_scores_are_those_of_the_pitch() -> None:
    frames = random_frames()
    perfect = held_out_scores(new_student(2), frames, "argmax", 0.5)
    assert perfect is not None and (perfect.p95_cents, perfect.over_50_cents_rate) == (0, 0)
    assert perfect.frames == int((frames.confidence >= 0.5).sum())
    shifted = Frames(frames.log_energy, frames.activations.roll(3, -1), frames.confidence)  # a semitone
    other = held_out_scores(new_student(2), shifted, "argmax", 0.5)
    assert other is not None and (other.p95_cents, other.over_50_cents_rate) == (pytest.approx(100), 1)
    assert held_out_scores(new_student(2), frames, "argmax", 2.0) is None


def test_the_teachers_frames_are_those_of_its_stream(sing: Any, restated: StreamingPesto) -> None:
    audio = np.stack([sing(16_000, 0.6), np.zeros(9600, np.float32)])
    found = teacher_frames(audio, TEACHER, 1.0, no_report)
    restated.reset()
    with torch.no_grad():
        calls = [restated.estimate(torch.from_numpy(audio[:1, at : at + 320])) for at in range(0, 9600, 320)]
    activations = torch.cat([call.activations[0] for call in calls])
    kept = torch.cat([call.confidence[0] for call in calls]) >= 0.02
    kept &= torch.cat([call.volume[0] for call in calls]) > 2 * calls[0].volume[0, 0]  # which is of silence
    assert 5 < len(found) == int(kept.sum())  # none of silence
    assert (found.activations.float() - activations[kept]).abs().max() < 2e-3


def test_clips_depend_on_their_numbers_and_the_cache_keeps_them(tmp_path: Path) -> None:
    data = TrainingData(clip_seconds=2.0)
    first, again, other = (synthetic_batch(data, Augmentation(), 16_000, batch, 2, no_report) for batch in (0, 0, 1))
    assert first.shape == (2, 32_000) and np.array_equal(first, again) and not np.array_equal(first, other)
    rendered: list[int] = []

    def render(advance: Any) -> np.ndarray:
        rendered.append(1)
        return first[:, :6400]

    batch = Batch("clips", "0" * 64, 2, render, 1.0)
    (stored,), (read,) = (load_batches([batch], TEACHER, tmp_path, Progress()) for _ in range(2))
    assert len(rendered) == 1 and torch.equal(joined([stored]).activations, read.activations)


@pytest.mark.parametrize("name", ["equalizer", "reverberation", "noise", "hum", "silence", "clipping"])
def test_each_change_keeps_the_length_and_the_level(name: str) -> None:
    none = dict.fromkeys(("equalizer", "reverberation", "noise", "hum", "silence", "clipping"), 0.0)
    settings = Augmentation.model_validate({**none, name: 1.0, "levels_dbfs": (-20.0, -20.0)})
    sound = np.sin(np.arange(48_000) / 10)
    changed = augment(sound, settings, np.random.default_rng(0), 48_000)
    level_db = 20 * np.log10(np.sqrt(np.mean(changed**2)))
    assert changed.shape == sound.shape and not np.allclose(changed / changed.std(), sound / sound.std())
    assert level_db < -19.9 and (name in ("silence", "clipping") or level_db > -20.1)
