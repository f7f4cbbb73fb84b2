"""The operators of a lowered program: how the file lists them, and which layers of the model they come from.

Only the exporters and measure import it.
"""
