"""The frames of each clip as files: `stored` by a run, read from an `external` device, and the `worst_moments` of them.

report and workflows may import it.
"""
