"""Upstream's model equals what pesto-pitch loads, and no checkpoint runs code without permission.

The texts of the errors are in tests/cli/bad_input_cases.py.
"""

import copy
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.models.upstream import estimates, pesto_model
from workbench.errors import CheckpointError, ModelError
from workbench.model.checkpoint import checkpoint_path
from workbench.model.upstream import load_upstream, read_checkpoint, reset_upstream
from workbench.recipe.stream_config import StreamConfig

WHOLE = checkpoint_path("mir-1k_g7").read_bytes()
UNREADABLE = "not a checkpoint that torch can open"
MISFIT = "does not fit pesto-pitch's model"


def refusal(checkpoint: Path | str, stream: StreamConfig, trust: bool = False) -> str:
    """Returns what is wrong with a checkpoint, which begins with its path and is one line."""
    with pytest.raises(CheckpointError) as caught:
        load_upstream(str(checkpoint), stream, trust=trust)
    message = str(caught.value)
    assert message.startswith(f"{checkpoint_path(str(checkpoint))}: ") and "\n" not in message
    return message


@pytest.fixture(scope="module")
def good() -> dict[str, Any]:
    return read_checkpoint(checkpoint_path("mir-1k_g7"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.ckpt"


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_load_upstream_equals_upstreams_loader(mirror: float, sing: Any) -> None:
    stream, audio = StreamConfig(16_000, 320, 1, mirror), sing(16_000, 0.6)[None]
    model = load_upstream("mir-1k_g7", stream)
    assert not model.training
    expected = estimates(pesto_model(stream), audio, 320)
    assert all(map(torch.equal, estimates(model, audio, 320), expected))
    assert not torch.equal(estimates(model, audio, 320).pitch_semitones, expected.pitch_semitones)
    reset_upstream(model)
    assert all(map(torch.equal, estimates(model, audio, 320), expected))


@pytest.mark.parametrize("trust", [False, True])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200)
    | st.sampled_from([b"Good day", b"PK\x03\x04", b"\x80\x02.", WHOLE[:999], WHOLE[:-99]])
)
def test_arbitrary_bytes_cannot_be_opened(content: bytes, trust: bool, path: Path, stream: StreamConfig) -> None:
    path.write_bytes(content)
    message = refusal(path, stream, trust)
    assert UNREADABLE in message or "not a PESTO checkpoint" in message or "would run code" in message


class Runs:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("call", ["open", "system", "eval"])
def test_code_in_checkpoint_runs_only_if_trusted(
    call: str, path: Path, good: dict[str, Any], stream: StreamConfig
) -> None:
    trace = path.with_name("it-ran")
    code = {
        "open": Runs(open, str(trace), "w"),
        "system": Runs(os.system, f"touch '{trace}'"),
        "eval": Runs(eval, f"open({str(trace)!r}, 'w').close()"),
    }[call]
    path.write_bytes(pickle.dumps({**good, "code": code}))
    refusal(path, stream)
    torch.save({**good, "code": code}, path)
    assert "set trust_checkpoint: true" in refusal(path, stream)
    assert not trace.exists()
    trusted, packaged = load_upstream(str(path), stream, trust=True), load_upstream("mir-1k_g7", stream)
    assert trace.exists()
    for (name, got), expected in zip(trusted.state_dict().items(), packaged.state_dict().values(), strict=True):
        assert torch.equal(got, expected), name


MISFITS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "unknown-weight": (lambda c: c["state_dict"].update(more=1), ": 0 weights missing, 1 unknown (first: more)"),
    "no-encoder": (lambda c: c["hparams"].pop("encoder"), " ('encoder')"),
    "hparams-are-text": (lambda c: c.update(hparams="large"), " (string indices must be integers"),
    "activation": (lambda c: c["hparams"]["encoder"].update(activation_fn="tanh"), ""),
    "no-cqt": (lambda c: c["hcqt_params"].clear(), ""),
    "no-harmonics": (lambda c: c["hcqt_params"].update(harmonics=[]), ""),
    "bins-are-text": (lambda c: c["hcqt_params"].update(n_bins="many"), ""),
    "negative-bins": (lambda c: c["hcqt_params"].update(n_bins=-1), ""),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_checkpoint_that_does_not_fit_is_refused(
    kind: str, path: Path, good: dict[str, Any], stream: StreamConfig
) -> None:
    change, expected = MISFITS[kind]
    content = copy.deepcopy(good)
    change(content)
    torch.save(content, path)
    message = refusal(path, stream)
    assert f"{MISFIT}{expected}" in message and message.endswith("; use mir-1k_g7")


@pytest.mark.parametrize(
    ("rate_hz", "hop_samples", "reason"),
    [
        (16_000, 32_000, r"upstream cannot build this stream \(zeros: Dimension size must be non-negative"),
        (4_000, 80, r"upstream cannot build this stream \(The top bin 3322.4375806395615Hz has exceeded"),
        (16_000, 4_096, r"the analysis window \(4096 samples\) reaches no past samples"),
    ],
    ids=["hop-longer-than-window", "rate-below-top-bin", "hop-as-long-as-window"],
)
def test_stream_that_upstream_cannot_build_is_refused(rate_hz: int, hop_samples: int, reason: str) -> None:
    with pytest.raises(ModelError, match=f"^sample_rate_hz {rate_hz}, hop {hop_samples} samples, mirror 1.0: {reason}"):
        load_upstream("mir-1k_g7", StreamConfig(rate_hz, hop_samples, 1, 1.0))
