"""int8: which layers a recipe quantizes, with which ranges, and how large the error of each layer is.

`pt2e` quantizes the parts of the stream that a recipe names, for XNNPACK: `scopes` checks its rules, `calibration`
makes the inputs of each part, `annotate` and `observers` quantize one part, `equalize` and `layer_error` reduce and
measure the error, `stability` compares two calibrations. `weights` stores only weights as integers, and
`layers` names the layers of a graph. `onnxruntime` does the same with ONNX Runtime's quantizer, and
`whole_graph` quantizes without rules, for comparison. `results` describes what was done.

`export/` and every later stage import this package. It imports `recipe/` and `model/`, and never an exporter.
"""
