"""What follows from the numbers: verdicts, comparisons, the choice of a variant, and the check of a rebuilt program.

`verdict`, `soak_verdict` and `gates` judge, `compare` finds regressions (data in `comparison`, limits in `tolerances`),
`pick` chooses (data and reasons in `explain`, groups in `grouping`, the front in `pareto`), `comparability` says what
may be compared, `reproduce` compares a rebuilt program with its result.

report, bundle, workflows and cli may import this package.
"""
