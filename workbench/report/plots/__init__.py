"""The pictures beside the records, as PNG: one module for each command. Only cli and workflows import it.

matplotlib is used through `Figure` objects, without pyplot: drawing leaves no global state in the process.
"""
