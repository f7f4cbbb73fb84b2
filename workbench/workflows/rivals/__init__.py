"""The steps of `rivals`: PESTO's programs, the clips, each tracker in its child process, the record."""
