"""The work of each command from start to end: one module per command, on top of the steps in `variant`.

Only this package strings the stages together (recipe, audio, model, export, runtime, measure, records, audit, report).
The command line and the Python API import it; it imports neither, prints nothing and never exits.
"""
