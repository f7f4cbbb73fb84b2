"""Networks and programs for tests: upstream, quantized streams, and programs that are exported once per run."""
