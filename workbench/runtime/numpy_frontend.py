"""The front end in numpy, for a program that contains only the network. A host has to implement the same."""

import io
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from workbench.errors import ProgramError
from workbench.runtime.session import Floats
from workbench.storage.hashing import sha256_of


class NumpyFrontend:
    """Computes the constant-Q energies of a window, with the matrices of a host's file (`export/host_frontend.py`).

    Raises ProgramError if the file is missing, or is not the one that the program was built with.
    """

    def __init__(self, path: Path, sha256: str) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ProgramError(
                f"{path}: the program's front end cannot be read ({error.strerror}); copy this file with the program"
            ) from error
        if sha256_of(content) != sha256:
            raise ProgramError(f"{path}: not the front end that the program was built with; rebuild the program")
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                self._frame_samples, self._hop_samples, self._future_samples = map(int, stored["framing"])
                self._floor = np.float32(stored["floor"])
                firsts = [int(first) for first in stored["firsts"]]
                self._groups = [(first, stored[f"kernels_{index}"]) for index, first in enumerate(firsts)]
        except (ValueError, KeyError, OSError, BadZipFile) as error:
            raise ProgramError(f"{path}: not a workbench front end ({error}); rebuild the program") from error

    def __call__(self, window: Floats) -> Floats:
        """Returns energies (streams * frames, bins) float32 of a window (streams, past + chunk samples).

        The energy of a bin is max(re^2 + im^2, floor). The frames of one stream are adjacent rows.
        """
        if self._future_samples:  # zeros for audio that the stream has not received yet
            window = np.pad(window, ((0, 0), (0, self._future_samples)))
        frames = window  # the window of one frame
        if window.shape[-1] > self._frame_samples:
            views = np.lib.stride_tricks.sliding_window_view(window, self._frame_samples, -1)
            frames = views[:, :: self._hop_samples].reshape(-1, self._frame_samples)
        energies = []
        for first, kernels in self._groups:  # (2 * bins, samples): real parts, then imaginary parts
            spectrum = frames[:, first : first + kernels.shape[1]] @ kernels.T
            real, imaginary = np.split(spectrum, 2, -1)
            energies.append(real * real + imaginary * imaginary)
        floored: Floats = np.maximum(np.concatenate(energies, -1), self._floor)
        return floored
