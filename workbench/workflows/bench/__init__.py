"""Contenders timed side by side: which ones enter, how the file of each is built, and the timing of all of them.

Only cli imports it.
"""
