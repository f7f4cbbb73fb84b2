"""What the commands print: one module for each command, all on `terminal.py`. Only cli and workflows import it."""
