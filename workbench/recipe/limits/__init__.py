"""What cannot be lowered: `backends` has the choices of each backend, `int8_outputs` what may follow an int8 layer.

`quantized_stream` has what options of a quantization require of others, `students` what a student does not have.
Only `recipe` itself imports it.
"""
