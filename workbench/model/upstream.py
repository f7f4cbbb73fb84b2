"""Upstream PESTO, unmodified: opened safely and set up for streaming. It is the baseline of every measurement."""

import sys
import types
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from workbench.errors import CheckpointError, ModelError
from workbench.model.checkpoint import baseline_checkpoint, checkpoint_path
from workbench.recipe.options import UPSTREAM_STATE_SUFFIX, Reduction
from workbench.recipe.stream_config import StreamConfig


def stub_torchaudio_if_broken() -> None:
    """Lets `import pesto` succeed if torchaudio's native library does not load.

    pesto-pitch imports torchaudio at the top, but only its own command line uses it (`torchaudio.load`). The torchaudio
    on PyPI is built against CUDA torch; with CPU torch its import raises OSError (libc10_cuda.so), and so does the
    import of pesto. In that case an empty module replaces torchaudio. The rest of the workbench takes upstream's
    classes from this module and never imports pesto itself.
    """
    if "torchaudio" in sys.modules:
        return
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]  # what the failed import left
        sys.modules["torchaudio"] = types.ModuleType("torchaudio")


stub_torchaudio_if_broken()

from pesto.data import Preprocessor  # noqa: E402
from pesto.model import PESTO, ConfidenceClassifier, Resnet1d  # noqa: E402

__all__ = [
    "PESTO",
    "ConfidenceClassifier",
    "Resnet1d",
    "load_upstream",
    "read_checkpoint",
    "reset_upstream",
    "stub_torchaudio_if_broken",
]

# Preprocessor tensors that upstream computes for each sample rate; a checkpoint does not contain them.
_COMPUTED_KEYS = ("preprocessor.hcqt_kernels.",)


def _plain_data_classes() -> list[Any]:
    """Returns the classes that PESTO's training code stores its configuration in: containers of plain data, no code."""
    from omegaconf import DictConfig, ListConfig
    from omegaconf.base import ContainerMetadata, Metadata
    from omegaconf.nodes import AnyNode

    return [Any, int, dict, list, defaultdict, DictConfig, ListConfig, ContainerMetadata, Metadata, AnyNode]


def read_checkpoint(path: Path, trust: bool = False) -> dict[str, Any]:
    """Opens a checkpoint.

    Args:
        path: The file.
        trust: Whether the file may run code while it is opened.

    Returns:
        A mapping with at least `hparams`, `state_dict` and `hcqt_params`.

    Raises:
        CheckpointError: The file is no checkpoint, requires code to open, or lacks one of the three keys.
    """
    try:
        with torch.serialization.safe_globals(_plain_data_classes()):
            checkpoint = torch.load(path, map_location="cpu", weights_only=not trust)
    except Exception as error:  # a pickle can raise any exception
        if isinstance(error, UnpicklingError) and ("Unsupported global" in str(error) or "GLOBAL" in str(error)):
            raise CheckpointError(
                f"{path}: opening this checkpoint would run code from it; set trust_checkpoint: true in the recipe "
                "only if you know who made it"
            ) from error
        raise CheckpointError(f"{path}: not a checkpoint that torch can open; use one that torch.save wrote") from error
    missing = [key for key in ("hparams", "state_dict", "hcqt_params") if key not in _mapping(checkpoint)]
    if missing:
        raise CheckpointError(f"{path}: not a PESTO checkpoint: it has no {', '.join(missing)}; see pesto-pitch")
    return dict(checkpoint)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def load_upstream(checkpoint: str, stream: StreamConfig, reduction: Reduction = "alwa", trust: bool = False) -> PESTO:
    """Returns upstream's own streaming model, in eval mode, with its state at zero.

    The steps are those of `pesto.load_model(..., streaming=True)`, with two differences: the file is opened safely, and
    a checkpoint that does not fit the model is an error (upstream warns and keeps random weights). A call of the model
    can have any number of whole hops.

    Args:
        checkpoint: Name of a packaged checkpoint, or a path. A student means its teacher.
        stream: Sample rate, hop, mirror and number of streams.
        reduction: How pitch is read from the activations.
        trust: Whether the checkpoint may run code while it is opened.

    Raises:
        CheckpointError: The file cannot be opened safely, or does not fit pesto-pitch's model.
        ModelError: The hop is longer than the analysis window, or the sample rate is too low for the highest bin.
    """
    path = checkpoint_path(baseline_checkpoint(checkpoint))
    stored = read_checkpoint(path, trust)
    try:
        hparams = stored["hparams"]
        encoder = Resnet1d(**hparams["encoder"])
        preprocessor = Preprocessor(
            hop_size=stream.hop_ms,
            sampling_rate=None,  # the kernels are built below, so that their errors are not taken for the checkpoint's
            **{**stored["hcqt_params"], "streaming": True, "mirror": stream.mirror, "max_batch_size": stream.streams},
        )
        model = PESTO(encoder, preprocessor, crop_kwargs=hparams["pitch_shift"], reduction=reduction)
        keys = model.load_state_dict(stored["state_dict"], strict=False)
    except Exception as error:  # upstream's constructors raise many types of errors for wrong parameters
        raise CheckpointError(f"{path}: does not fit pesto-pitch's model ({_short(error)}); use mir-1k_g7") from error
    missing = [key for key in keys.missing_keys if not key.startswith(_COMPUTED_KEYS)]
    unexpected = [key for key in keys.unexpected_keys if not key.startswith(_COMPUTED_KEYS)]
    if missing or unexpected:
        first = (missing or unexpected)[0]
        raise CheckpointError(
            f"{path}: does not fit pesto-pitch's model: {len(missing)} weights missing, {len(unexpected)} unknown "
            f"(first: {first}); use mir-1k_g7"
        )
    try:
        preprocessor.hcqt_sr = stream.sample_rate_hz
        preprocessor._reset_hcqt_kernels()  # noqa: SLF001 - only forward calls it, and that also runs the stream
        cqt = preprocessor.hcqt_kernels.cqt_kernels[0]
    except Exception as error:
        if "Nyquist" in str(error) or "non-negative" in str(error):
            raise ModelError(
                f"{_label(stream)}: upstream cannot build this stream ({_short(error)}); use a higher rate or a "
                "shorter chunk"
            ) from error
        raise CheckpointError(f"{path}: does not fit pesto-pitch's model ({_short(error)}); use mir-1k_g7") from error
    if cqt.hop_length != stream.hop_samples:  # upstream keeps the hop in milliseconds
        raise ModelError(
            f"{_label(stream)}: upstream rounds the hop to {cqt.hop_length} samples; use another chunk_samples"
        )
    if cqt.conv.cache.padding < 1:
        raise ModelError(
            f"{_label(stream)}: the analysis window ({cqt.kernel_width} samples) reaches no past samples, so the "
            "stream has no state; use a shorter chunk"
        )
    return model.eval()


def _label(stream: StreamConfig) -> str:
    return f"sample_rate_hz {stream.sample_rate_hz}, hop {stream.hop_samples} samples, mirror {stream.mirror}"


def _short(error: Exception) -> str:
    """Returns the last line of the error, which is where torch says what is wrong."""
    lines = str(error).strip().splitlines()
    return " ".join(lines[-1].split()) if lines else type(error).__name__


def reset_upstream(model: nn.Module, stream: int | None = None) -> None:
    """Sets the state of an upstream model to zero, as after loading: of all streams, or of one."""
    for name, buffer in model.named_buffers():
        if name.endswith(UPSTREAM_STATE_SUFFIX):
            (buffer if stream is None else buffer[stream]).zero_()
