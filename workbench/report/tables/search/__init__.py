"""What `sensitivity` and `search` print: the effect of each single change, and the trials with the winner.

Only cli and report import it.
"""
