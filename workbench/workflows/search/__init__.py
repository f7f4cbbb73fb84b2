"""Which layers bear which scheme (`sensitivity`), and the search for the best recipe of a space (`run`).

`sensitivity` tries the single `changes` of a recipe in a `simulation`, and `lowered` checks the largest as programs. A
search reads its `space` (keys in `space_schema`); its `study`, kept in `storage`, chooses trials, `evaluate` measures
each, and `outcome` and `finish` make the winner's recipe and score. Only cli imports this package.
"""
