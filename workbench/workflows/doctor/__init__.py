"""`doctor`: what the workbench finds on this machine. It imports neither torch nor ExecuTorch, so it is fast and runs
where they are broken. `diagnose.py` collects everything, `machine.py` the processor and the programs on the PATH.
"""
