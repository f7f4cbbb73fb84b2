"""The numbers of a program beside upstream's: on `clips`, at several `call_sizes`, and on rendered `tones`.

Only workflows imports it. It imports `prepare` and `baseline` of `variant`, and no other step.
"""
