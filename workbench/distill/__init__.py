"""Distillation: a student learns to return what PESTO's encoder returns. The first stages are those of its data.

`scores` draws random notes, which `workbench.audio.synth` renders; `augment` changes the sound; `teacher` computes what
the encoder receives and returns, frame by frame; `batches` keeps that in the cache. `trainer` has the loop,
`fake_quantized` the student with int8 layers, `state` the checkpoint, and `held_out` the test in between.
"""
