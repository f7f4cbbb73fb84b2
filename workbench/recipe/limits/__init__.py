"""What cannot be lowered: `backends` has the choices of each backend, `int8_outputs` what may follow an int8 layer.

Only `recipe` itself imports it.
"""
