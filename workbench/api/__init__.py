"""The Python API: the main commands as functions, for notebooks and scripts.

`import workbench` offers every name of this package. Importing it is fast: torch, ExecuTorch and matplotlib are
imported when a function needs them. Every function raises a subclass of `WorkbenchError` for a problem that its caller
can solve. The message is the line that the command prints.

Scripts need the usual guard `if __name__ == "__main__":`, because programs run in child processes first.

This package may import workflows and every package below it. Nothing imports it but `workbench/__init__.py`.
"""
