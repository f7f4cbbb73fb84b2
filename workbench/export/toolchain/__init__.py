"""What the export toolchain raises and prints: `errors` makes one error of it, `log` a file. Only exporters use it, and
the workflows that call them.
"""
