"""The front end in numpy, for a program that holds the network alone: what a host has to write itself."""

import hashlib
import io
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from workbench.errors import ProgramError
from workbench.runtime.session import Floats


class NumpyFrontend:
    """A host's file (`export/host_file.py`): window (streams, past + chunk samples) -> (streams * frames, bins).

    float32 energies of each constant-Q bin, `max(re^2 + im^2, floor)`, the frames of a stream side by side. Raises
    ProgramError where the file is not there, or is not the one that the program was made with.
    """

    def __init__(self, path: Path, sha256: str) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ProgramError(
                f"{path}: the program's front end is this file beside it, and cannot be read ({error.strerror})"
            ) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ProgramError(f"{path}: not the front end that the program was made with; build it again")
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                self._frame_samples, self._hop_samples, self._future_samples = map(int, stored["framing"])
                self._floor = np.float32(stored["floor"])
                firsts = [int(first) for first in stored["firsts"]]
                self._groups = [(first, stored[f"kernels_{at}"]) for at, first in enumerate(firsts)]
        except (ValueError, KeyError, OSError, BadZipFile) as error:
            raise ProgramError(f"{path}: not a front end of the workbench ({error}); build it again") from error

    def __call__(self, window: Floats) -> Floats:
        if self._future_samples:  # zeros for what the stream has not heard yet
            window = np.pad(window, ((0, 0), (0, self._future_samples)))
        frames = window  # of a call of one frame
        if window.shape[-1] > self._frame_samples:
            views = np.lib.stride_tricks.sliding_window_view(window, self._frame_samples, -1)
            frames = views[:, :: self._hop_samples].reshape(-1, self._frame_samples)
        energies = []
        for first, kernels in self._groups:  # (2 * bins, samples): real parts, then imaginary
            spectrum = frames[:, first : first + kernels.shape[1]] @ kernels.T
            real, imaginary = np.split(spectrum, 2, -1)
            energies.append(real * real + imaginary * imaginary)
        floored: Floats = np.maximum(np.concatenate(energies, -1), self._floor)
        return floored
