"""A known f0 for a recording that has none: by the consensus of trackers, or by singing it again with an exact f0.

`annotate` is the command, `consensus` the f0 on which the `trackers` agree, `resynthesis` the vocoder. Only cli imports
this package.
"""
