"""Students of PESTO's encoder, and their files.

`network` is the small network. `card` says where a student comes from and how well it does. `load` opens its file.
"""
