"""Export PESTO to ExecuTorch, and measure what the export cost."""
