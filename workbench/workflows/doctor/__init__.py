"""`doctor`: what the workbench finds on this machine.

`diagnose` collects everything, `machine` describes the processor and the programs on the PATH, and `item` is one line.
The package imports neither torch nor ExecuTorch, so it is fast and runs where they are broken. Only cli imports it.
"""
