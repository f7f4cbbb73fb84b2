"""Upstream's frames of the scored clips: computed once for all variants of one stream."""

from workbench.audio.decode import Clip
from workbench.measure.floor import add_dither
from workbench.measure.timing import BaselineSpec
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.session import Frames, run_chunks
from workbench.runtime.state_protocol import StateHandling, with_state_handling
from workbench.workflows.variant.fingerprint import canonical_sha256


class BaselineCache:
    """The baseline's frames of each clip. The variants of a run share one cache, and those of one stream its frames."""

    def __init__(self) -> None:
        self._frames: dict[str, Frames] = {}
        self._opened: tuple[BaselineSpec, UpstreamSession] | None = None  # the last one: most variants share it

    def __len__(self) -> int:
        return len(self._frames)

    def frames(
        self,
        spec: BaselineSpec,
        threads: int,
        clip: Clip,
        handling: StateHandling,
        call_sizes: tuple[int, ...],
        dither: bool = False,
    ) -> Frames:
        """Returns upstream's frames of a clip.

        Args:
            spec: The description of the baseline.
            threads: The number of threads of torch, which the caller has set. The last bits of a frame depend on them.
            clip: At the stream's rate.
            handling: Whether the state is reset before each call.
            call_sizes: The size of each call in frames. The sequence repeats until the clip ends.
            dither: Adds 16-bit dither to the samples, for the noise floor.
        """
        key = canonical_sha256(repr(spec), threads, clip.identity, clip.name, handling, call_sizes, dither)
        if key not in self._frames:
            samples = add_dither(clip.samples) if dither else clip.samples
            session = with_state_handling(handling, self._session(spec))
            self._frames[key] = run_chunks(session, samples, call_sizes)
        return self._frames[key]

    def _session(self, spec: BaselineSpec) -> UpstreamSession:
        if self._opened is None or self._opened[0] != spec:
            self._opened = spec, spec.session()
        return self._opened[1]
