"""The work of the command `profile`: `run` times a program by operator, `probes` builds what measures the machine.

Only cli imports it.
"""
