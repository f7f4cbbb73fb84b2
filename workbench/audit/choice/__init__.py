"""The choice among variants: `pick` chooses, `explain` has its outcome and the reasons.

`grouping` finds the results that are comparable, `pareto` their front, `nearest` what is nearest to passing, and
`order` the order in which all are shown. report, workflows and cli may import it.
"""
