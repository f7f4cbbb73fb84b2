"""PESTO in two versions: as upstream ships it, and restated so that it can be exported and quantized.

`upstream` opens a checkpoint and builds the unmodified streaming model, the baseline of every measurement.
`streaming.StreamingPesto` is the restatement; `frontend`, `encoder`, `fourier_conv`, `toeplitz` and `reductions` are
its layers, and `bin_groups` decides how the front end is cut into matrices.

`quantize/` and every later stage import this package. It imports only `recipe/` and the modules below it.
"""
