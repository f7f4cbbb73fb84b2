"""The section `student` of a recipe: a small network that imitates PESTO's encoder.

`architecture` is the network: its layers, and the pitches that it can return. `section` is how it is trained: data,
augmentation, loss and epochs.
"""
