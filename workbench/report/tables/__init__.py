"""What the commands print: one module for each command, all on `terminal.py`; `search/` has those of a search.

Only cli imports it, and report/html for the words of a search.
"""
