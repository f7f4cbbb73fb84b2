"""The profile of a program: the time of each of its parts beside the least time that the machine allows.

`parts` cuts a model, `layer_costs` counts multiply-adds and bytes, `timing` times the lowered parts, `roofline` has the
machine's peak rates, and `figures` puts them together. Workflows lower the parts and the probes, and hand them in.
Records, report and workflows import this package.
"""
