"""PESTO in two versions: as upstream ships it, and restated so that it can be exported and quantized.

`upstream` opens a checkpoint and builds the unmodified streaming model, the baseline of every measurement.
`streaming.StreamingPesto` is the restatement; `frontend`, `encoder`, `toeplitz` and `reductions` are its layers.
`bin_groups` and `three_stage` decide how the front end is cut into matrices; the modules `fourier_*` are the
implementations of a convolution in the frequency domain.

`quantize/` and every later stage import this package. It imports only `recipe/` and the modules below it.
"""
