"""Programs: from a model to a file, for every backend.

`backends.py` has one exporter for each backend (`exporter.py` says what an exporter is), `metadata.py` the contract
between a program and its host, `program_file.py` what a program contains, `program_cache.py` how a built program is
found again. `operators/` reads the operators of a lowered program, `toolchain/` has what exporting raises and prints.
runtime/ imports only the metadata and the file names; workflows/ exports.
"""
