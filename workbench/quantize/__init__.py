"""int8: which layers a recipe quantizes, with which ranges, and how large the error of each layer is.

`pt2e/` quantizes for XNNPACK, `onnxruntime` with ONNX Runtime's quantizer. Both use `scopes`, which checks the rules of
a recipe; `calibration`, which makes the inputs of each part; `equalize`, which reduces the error; `weights`, which
stores only weights as integers; and `layers`, which names the layers of a graph. `simulate` computes what a quantized
part computes, without an export. `results` describes what was done.

`export/` and every later stage import this package. It imports `recipe/` and `model/`, and never an exporter.
"""
