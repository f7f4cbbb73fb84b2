"""Other pitch trackers and PESTO on the same clips: accuracy on one time grid, the audio a frame needs, the time.

`worker` runs one tracker in a child process, `grid` and `lookahead` measure it, and `figures` has the numbers. `pesto`
is PESTO behind the interface of the others. records, report and workflows may import it.
"""
