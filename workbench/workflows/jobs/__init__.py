"""Work that several processes share: children of this process (`workers`), or the workers of a Dask `cluster`.

A task is a function and its arguments. Each `task` of a cluster runs in a new process. `variants` are the tasks of
`run` and `sweep`. Nothing is timed here.
"""
