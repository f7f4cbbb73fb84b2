"""The steps of `rivals`: PESTO's programs, the clips, each tracker in its child process, the record.

`comparison` checks what is needed, `clips` and `pesto` prepare both sides, and `run` runs them. Only cli imports this
package.
"""
