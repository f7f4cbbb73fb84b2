"""The profile of a program: the time of each operator and layer, and the least time that the machine allows.

`recording` times the program in the native host and records its operators, `placement` finds the layer of each,
`layer_costs` counts multiply-adds and bytes, `roofline` has the machine's peak rates, and `figures` puts them together.
Workflows build the program and the probes, and hand them in. Records, report and workflows import this package.
"""
