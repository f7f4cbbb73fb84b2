"""The front end as a file for the host."""

import numpy as np
import pytest

from tests.helpers.programs import ProgramFactory
from workbench.errors import LoweringError
from workbench.export.host_frontend import host_file
from workbench.export.metadata import HOST_SUFFIX
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.options import Frontend
from workbench.recipe.stream_config import Implementations, StreamConfig


def network_of(stream: StreamConfig, frontend: Frontend = "grouped") -> StreamingPesto:
    """A model whose front end is the host's."""
    upstream = load_upstream("mir-1k_g7", stream)
    return StreamingPesto(upstream, stream, Implementations(frontend), "none", scope="network")


def test_low_rank_front_end_is_refused(stream: StreamConfig) -> None:
    with pytest.raises(LoweringError, match="use frontend: grouped or upstream"):
        host_file(network_of(stream, "low-rank"))


def test_host_file_is_reproducible(stream: StreamConfig) -> None:
    assert host_file(network_of(stream)) == host_file(network_of(stream))


@pytest.mark.slow
def test_program_of_the_network_has_no_front_end(program_for: ProgramFactory, stream: StreamConfig) -> None:
    network, whole = (program_for(stream, "none", scope=scope) for scope in ("network", "whole"))
    with np.load(network.with_suffix(HOST_SUFFIX)) as host:
        kernel_bytes = sum(value.nbytes for name, value in host.items() if name.startswith("kernels"))
    assert kernel_bytes > 1_000_000
    assert network.stat().st_size + 0.9 * kernel_bytes < whole.stat().st_size
