"""Exports PESTO to ExecuTorch, ONNX and TorchScript, and measures how each export differs from the original."""
