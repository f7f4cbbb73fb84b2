"""What an app team receives: the program, its manifest, golden audio with the frames to expect, and how to call it.

`contents.py` makes the files, `write.py` writes them as a folder or a zip, `verify.py` checks one. `files/` and
`verify_standalone.py` are copied into bundles. Only workflows and cli import this package.
"""
