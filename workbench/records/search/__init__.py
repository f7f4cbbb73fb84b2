"""The records of `sensitivity` (the effect of each single change of a recipe) and of `search` (its trials).

report and workflows may import it.
"""
