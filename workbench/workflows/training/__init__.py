"""Training of a student, in the order of its steps.

`plan` lists the batches of clips that it is trained and tested on. `initial` has the first
weights, `epochs` trains epoch by epoch, and `run` does it all and writes the student's file.
"""
