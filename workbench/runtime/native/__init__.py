"""A host in C++ for `.pte` programs: what an app pays for a call, without Python.

`source/` is the host and the class that an app can use, `build` compiles it on first use, and `session` drives it. It
imports no torch. measure and workflows import it.
"""

from pathlib import Path

SOURCE = Path(__file__).parent / "source"
"""The folder of the C++ sources."""
APP_SOURCES = ("pesto.h", "pesto.cpp", "pesto_program.hpp", "pesto_metadata.hpp", "pesto_memory.hpp")
"""What an app needs of them: it includes pesto.h or pesto_program.hpp. A bundle has these files."""
