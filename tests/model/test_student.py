"""Students: the network against a plain loop, its place in the stream, and its file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.models.students import ARCHITECTURE, BINS, new_student, write_student
from workbench.errors import CheckpointError, ModelError
from workbench.model.checkpoint import baseline_checkpoint
from workbench.model.streaming import StreamingPesto
from workbench.model.student.card import read_card
from workbench.model.student.load import check_fits, load_student
from workbench.model.student.network import GatherLinear
from workbench.model.upstream import load_upstream
from workbench.recipe.stream_config import StreamConfig


@pytest.mark.parametrize("offsets", [(0,), (-3, 0, 5), (2, 4), (-7, -1)], ids=str)
def test_each_candidate_gathers_those_at_its_distances(offsets: tuple[int, ...]) -> None:
    layer, x = GatherLinear(offsets, 2, 4), torch.randn(3, 9, 2)
    weight, bias = layer.linear.weight.detach().numpy(), layer.linear.bias.detach().numpy()
    for candidate in range(9):
        near = [candidate + offset for offset in offsets]
        values = np.concatenate([x.numpy()[:, at] if 0 <= at < 9 else np.zeros((3, 2)) for at in near], -1)
        found = layer(x)[:, candidate].detach().numpy()
        np.testing.assert_allclose(found, values @ weight.T + bias, atol=1e-5)


def test_a_student_replaces_the_encoder_only(restated: StreamingPesto, stream: StreamConfig) -> None:
    student, upstream = new_student(), load_upstream("mir-1k_g7", stream)
    model = StreamingPesto(upstream, stream, student=student)
    energy = torch.rand(5, model.bins) + 1e-3
    found, expected = model.run_network(energy), restated.run_network(energy)
    activations = student(energy.log()[:, model.crop])
    assert torch.equal(found.activations[0], activations)
    assert torch.allclose(activations.sum(-1), torch.ones(5))
    assert torch.equal(found.confidence, expected.confidence) and torch.equal(found.volume, expected.volume)
    assert found.pitch_semitones.sub(activations.argmax(-1) / 3).abs().max() < 1  # the average around the best bin
    upstream.encoder.layernorm.normalized_shape = (218,)
    with pytest.raises(ModelError, match="receives 219 bins and returns 384, its teacher 218 and 384"):
        check_fits(student, upstream.encoder)


def test_a_file_gives_the_same_student_and_its_teacher(tmp_path: Path) -> None:
    path = write_student(tmp_path / "s.safetensors")
    assert path.read_bytes() == write_student(tmp_path / "t.safetensors").read_bytes()
    assert read_card(path).architecture == ARCHITECTURE
    loaded, x = load_student(str(path), 16_000), torch.randn(4, BINS)
    assert loaded is not None and torch.equal(loaded(x), new_student()(x))
    assert load_student("mir-1k_g7", 16_000) is None
    assert baseline_checkpoint(str(path)) == "mir-1k_g7" == baseline_checkpoint("mir-1k_g7")
    stream = StreamConfig(16_000, 320, 1, 1.0)
    upstream, teacher = load_upstream(str(path), stream), load_upstream("mir-1k_g7", stream)
    assert all(torch.equal(*pair) for pair in zip(upstream.parameters(), teacher.parameters(), strict=True))


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ({"teacher_sha256": "0" * 64}, "its teacher mir-1k_g7 is another file now"),
        ({"teacher": "gone.ckpt"}, "its teacher gone.ckpt is missing"),
        ({"teacher": "other.safetensors"}, "its teacher is a student"),
    ],
)
def test_a_student_without_its_teacher_is_refused(tmp_path: Path, card: dict[str, str], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        baseline_checkpoint(str(write_student(tmp_path / "s.safetensors", **card)))
