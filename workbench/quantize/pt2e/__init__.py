"""int8 for XNNPACK with PT2E, PyTorch's quantization of exported graphs.

`quantize` quantizes the parts of the stream by the rules of a recipe: `annotate` one part, with the ranges that
`observers` find. `layer_error` measures the error of each layer and corrects biases, `stability` compares two
calibrations. `aware` trains a part while it rounds. `whole_graph` quantizes without rules, for comparison.

It imports the shared modules of `quantize`; of these, only `simulate` imports it. export and workflows may import it.
"""
