"""Checkpoints: the good one loads as upstream loads it, and whatever else is one line; none runs code unasked."""

import copy
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from workbench.errors import CheckpointError, ModelError
from workbench.model.checkpoint import checkpoint_path, packaged_checkpoints
from workbench.model.upstream import load_upstream, read_checkpoint, reset_upstream
from workbench.recipe.stream_config import StreamConfig

import pesto  # isort: skip  # only now: workbench.model.upstream makes it importable beside CPU torch


def refusal(checkpoint: Path | str, stream: StreamConfig, trust: bool = False) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_upstream(str(checkpoint), stream, trust=trust)
    return str(caught.value)


@pytest.fixture(scope="module")
def good() -> dict[str, Any]:
    return read_checkpoint(checkpoint_path("mir-1k_g7"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.ckpt"


@torch.inference_mode()
def frames(model: torch.nn.Module, samples: np.ndarray) -> list[torch.Tensor]:
    steps = [model(chunk[None]) for chunk in torch.tensor(samples).split(320)]
    return [torch.cat(parts, 1) for parts in zip(*steps, strict=True)]


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_upstream_is_what_its_own_loader_makes(mirror: float, stream: StreamConfig, sing: Any) -> None:
    own = load_upstream("mir-1k_g7", StreamConfig(16_000, 320, 1, mirror))
    theirs = pesto.load_model("mir-1k_g7", 20.0, sampling_rate=16_000, streaming=True, mirror=mirror)
    assert not own.training
    samples = sing(16_000, 0.6)
    for got, expected in zip(frames(own, samples), frames(theirs, samples), strict=True):
        assert torch.equal(got, expected)


def test_reset_upstream_is_as_after_loading(stream: StreamConfig, sing: Any) -> None:
    samples = sing(16_000, 0.4)
    model = load_upstream("mir-1k_g7", stream)
    first = frames(model, samples)
    assert not torch.equal(frames(model, samples)[0], first[0])
    reset_upstream(model)
    for got, expected in zip(frames(model, samples), first, strict=True):
        assert torch.equal(got, expected)


def test_packaged_checkpoints_are_found_by_name() -> None:
    packaged = packaged_checkpoints()
    assert list(packaged) == ["mir-1k", "mir-1k_g7"]
    assert all(file.is_file() for file in packaged.values())
    assert checkpoint_path("mir-1k_g7") == packaged["mir-1k_g7"]


def test_a_file_of_ones_own_works(path: Path, stream: StreamConfig) -> None:
    shutil.copy(checkpoint_path("mir-1k_g7"), path)
    own, packaged = load_upstream(str(path), stream), load_upstream("mir-1k_g7", stream)
    for (name, got), expected in zip(own.state_dict().items(), packaged.state_dict().values(), strict=True):
        assert torch.equal(got, expected), name


def test_the_checkpoint_of_2023_does_not_fit(stream: StreamConfig) -> None:
    assert refusal("mir-1k", stream) == (
        f"{checkpoint_path('mir-1k')}: does not fit pesto-pitch's model: 6 weights missing, 2 unknown "
        "(first: encoder.prefilt_layers.0.0.weight); use mir-1k_g7"
    )


@pytest.mark.parametrize("name", ["absent.ckpt", "mir-2k", "."])
def test_no_such_checkpoint(name: str, stream: StreamConfig) -> None:
    assert refusal(name, stream) == f"{name}: no such checkpoint; use a file or one of mir-1k, mir-1k_g7"


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"this is not a checkpoint\n",
        b"hello",
        b"Good day",
        b"Just some text",
        b"PK\x03\x04",
        b"\x80\x02.",
        bytes(99),
    ],
)
def test_what_is_no_checkpoint_cannot_be_opened(content: bytes, trust: bool, path: Path, stream: StreamConfig) -> None:
    path.write_bytes(content)
    assert refusal(path, stream, trust) == (
        f"{path}: not a checkpoint that torch can open; was it written by torch.save?"
    )


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_a_cut_off_checkpoint_cannot_be_opened(share: float, path: Path, stream: StreamConfig) -> None:
    whole = checkpoint_path("mir-1k_g7").read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert refusal(path, stream) == f"{path}: not a checkpoint that torch can open; was it written by torch.save?"


class Runs:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("call", ["open", "system", "eval"])
def test_code_in_a_checkpoint_does_not_run(call: str, path: Path, good: dict[str, Any], stream: StreamConfig) -> None:
    trace = path.with_name("it-ran")
    code = {
        "open": Runs(open, str(trace), "w"),
        "system": Runs(os.system, f"touch '{trace}'"),
        "eval": Runs(eval, f"open({str(trace)!r}, 'w').close()"),
    }[call]
    torch.save({**good, "code": code}, path)
    assert refusal(path, stream) == (
        f"{path}: opening this checkpoint would run code from it; set trust_checkpoint: true in the recipe "
        "only if you know who made it"
    )
    assert not trace.exists()
    load_upstream(str(path), stream, trust=True)
    assert trace.exists()  # so it would have


def test_code_in_a_bare_pickle_does_not_run(path: Path, good: dict[str, Any], stream: StreamConfig) -> None:
    trace = path.with_name("it-ran")
    path.write_bytes(pickle.dumps({**good, "code": Runs(open, str(trace), "w")}))
    assert refusal(path, stream).startswith(f"{path}: ")
    assert not trace.exists()


def test_trust_is_no_pass_for_a_wrong_structure(path: Path, stream: StreamConfig) -> None:
    torch.save({"hparams": {}, "code": Runs(dict)}, path)
    assert refusal(path, stream, trust=True) == (
        f"{path}: not a PESTO checkpoint: it has no state_dict, hcqt_params; see pesto-pitch"
    )


@pytest.mark.parametrize("content", [{"weights": 1}, [1, 2], torch.zeros(3), None])
def test_another_model_is_named_as_such(content: object, path: Path, stream: StreamConfig) -> None:
    torch.save(content, path)
    assert refusal(path, stream) == (
        f"{path}: not a PESTO checkpoint: it has no hparams, state_dict, hcqt_params; see pesto-pitch"
    )


WEIGHT = "encoder.fc.weight"
MISFITS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a weight missing": (
        lambda c: c["state_dict"].pop(WEIGHT),
        f": 1 weights missing, 0 unknown (first: {WEIGHT}); use mir-1k_g7",
    ),
    "a weight too many": (
        lambda c: c["state_dict"].update(more=torch.zeros(1)),
        ": 0 weights missing, 1 unknown (first: more); use mir-1k_g7",
    ),
    "a wrong shape": (
        lambda c: c["state_dict"].update({WEIGHT: torch.zeros(3)}),
        f" (size mismatch for {WEIGHT}: copying a param with shape torch.Size([3]) from checkpoint, the shape in "
        "current model is torch.Size([1, 1, 1040]).); use mir-1k_g7",
    ),
    "no encoder": (lambda c: c["hparams"].pop("encoder"), " ('encoder'); use mir-1k_g7"),
    "hparams are text": (
        lambda c: c.update(hparams="large"),
        " (string indices must be integers, not 'str'); use mir-1k_g7",
    ),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_a_misfit_is_one_line(kind: str, path: Path, good: dict[str, Any], stream: StreamConfig) -> None:
    change, expected = MISFITS[kind]
    content = copy.deepcopy(good)
    change(content)
    torch.save(content, path)
    assert refusal(path, stream) == f"{path}: does not fit pesto-pitch's model{expected}"


STRANGE_SETTINGS: dict[str, Callable[[dict[str, Any]], object]] = {
    "an unknown activation function": lambda c: c["hparams"]["encoder"].update(activation_fn="tanh"),
    "no CQT settings": lambda c: c["hcqt_params"].clear(),
    "an unknown CQT setting": lambda c: c["hcqt_params"].update(colour=1),
    "no harmonics": lambda c: c["hcqt_params"].update(harmonics=[]),
    "no lowest frequency": lambda c: c["hcqt_params"].update(fmin=0),
    "bins that are text": lambda c: c["hcqt_params"].update(n_bins="many"),
    "fewer bins than none": lambda c: c["hcqt_params"].update(n_bins=-1),
}


@pytest.mark.parametrize("kind", STRANGE_SETTINGS)
def test_settings_that_pesto_does_not_take_are_the_checkpoints_fault(
    kind: str, path: Path, good: dict[str, Any], stream: StreamConfig
) -> None:
    content = copy.deepcopy(good)
    STRANGE_SETTINGS[kind](content)
    torch.save(content, path)
    message = refusal(path, stream)
    assert message.startswith(f"{path}: does not fit pesto-pitch's model")
    assert message.endswith("; use mir-1k_g7")
    assert "\n" not in message


def test_a_hop_longer_than_the_window_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        load_upstream("mir-1k_g7", StreamConfig(16_000, 32_000, 1, 1.0))
    assert str(caught.value) == (
        "sample_rate_hz 16000, hop 32000 samples, mirror 1.0: upstream cannot build this stream "
        "(zeros: Dimension size must be non-negative.); use a higher rate or a shorter chunk"
    )


def test_a_rate_too_low_for_the_top_bin_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        load_upstream("mir-1k_g7", StreamConfig(4_000, 80, 1, 1.0))
    assert str(caught.value) == (
        "sample_rate_hz 4000, hop 80 samples, mirror 1.0: upstream cannot build this stream "
        "(The top bin 3322.4375806395615Hz has exceeded the Nyquist frequency, please reduce the n_bins); "
        "use a higher rate or a shorter chunk"
    )
