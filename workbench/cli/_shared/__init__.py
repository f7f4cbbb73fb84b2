"""What several commands share: the group with its error handling, options, number types, progress and JSON output.

Only the commands import it.
"""
