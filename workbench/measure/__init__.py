"""Metrics of a variant and of the baseline: deviation, accuracy, speed, delay and memory.

Each module has the metrics of one topic and the functions that compute them. Every metric is a field of a
`RecordModel`, whose docstring says what is counted, on which frames, in which unit, and when it is null. Functions that
are meant for a child process say so. Nothing here writes a file or decides a verdict: `records` stores the numbers and
`audit` judges them. So only records, audit, report, bundle and workflows import this package.
"""
