"""What `train` shows of a training.

`table` prints the loss and the scores of the epochs; `plot` draws them as curves.
"""
