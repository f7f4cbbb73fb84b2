"""Figures from sounds that are rendered for them, whose f0 is known exactly: the delay and the steadiness of a stream.

They need no clips. The same sounds score every variant, and calibrate none.
"""
