"""The front end as a file for the host. That numpy computes the same with it: tests/runtime/test_numpy_frontend.py."""

import pytest

from workbench.errors import LoweringError
from workbench.export.host_frontend import host_file
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.options import Frontend
from workbench.recipe.stream_config import Implementations, StreamConfig


def network_of(stream: StreamConfig, frontend: Frontend) -> StreamingPesto:
    """A model whose front end is the host's."""
    upstream = load_upstream("mir-1k_g7", stream)
    return StreamingPesto(upstream, stream, Implementations(frontend), "none", scope="network")


def test_host_file_is_reproducible_and_never_of_low_rank(stream: StreamConfig) -> None:
    assert host_file(network_of(stream, "grouped")) == host_file(network_of(stream, "grouped"))
    with pytest.raises(LoweringError, match="use frontend: grouped or upstream"):
        host_file(network_of(stream, "low-rank"))
