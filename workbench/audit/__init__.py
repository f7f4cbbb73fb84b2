"""What follows from the numbers: verdicts, comparisons, the choice of a variant, and the check of a rebuilt program.

`verdict`, `soak_verdict` and `gates` judge, `compare` finds regressions (data in `comparison`, limits in `tolerances`),
`choice` chooses a variant, `clock` says which speeds may be compared, `comparability` says which results may be,
`reproduce` compares a rebuilt program with its result, `metric_list` lists what gates can limit.

report, bundle, workflows and cli may import this package.
"""
