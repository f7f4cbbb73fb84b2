"""Training of a student, in the order of its steps.

`plan` lists the batches of clips that it is trained and tested on. `run` trains, epoch by epoch, and writes its file.
"""
