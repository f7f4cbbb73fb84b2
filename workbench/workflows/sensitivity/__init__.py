"""Which layers bear which scheme: `run` tries the single `changes` of a recipe.

A `simulation` has their effects without a program; `lowered` checks the largest ones as programs. `search` simulates
its trials the same way.
"""
