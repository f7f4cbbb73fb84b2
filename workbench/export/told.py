"""What a program of a restated stream tells its host: the entries of `contract.py`, from the model."""

import hashlib

from workbench.export.host_frontend import host_file
from workbench.export.metadata import Constants, build_metadata, threshold_entry
from workbench.model.streaming import StreamingPesto


def metadata_of(model: StreamingPesto, confidence_threshold: float | None = None) -> Constants:
    """The entries; where the front end is the host's, with the hash of the host's file."""
    told = build_metadata(
        model.stream, model.algorithmic_ms, model.reduce.reduction, model.state, model.past_samples, model.outputs
    ) | threshold_entry(confidence_threshold)
    if model.scope == "whole":
        return told
    return {**told, "scope": model.scope, "host_sha256": hashlib.sha256(host_file(model)).hexdigest()}
