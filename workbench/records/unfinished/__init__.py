"""The files of a variant until its result is complete: `staging` moves them in, `scores` lets the next run go on.

Only workflows import it.
"""
