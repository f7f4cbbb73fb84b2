"""Sessions: everything that streams audio and returns frames, eager PyTorch and programs of every format alike.

`session.py` has the protocol and the chunk loop, `open_program.py` opens a program of any format, `isolation.py` runs
both in a child process. Only `executorch.py` imports ExecuTorch's runtime. measure/ and everything above may import
this package.
"""
