"""The search for the best recipe of a space: `run`.

It reads its `space` (keys in `space_schema`); its `study`, kept in `storage`, chooses trials, `evaluate` measures the
variant of each (`trial_variant`), and `outcome` and `finish` make the winner's recipe and score. Only cli imports it.
"""
