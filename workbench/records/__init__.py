"""The records of measurements, and how they are read and written: results, benches, sweeps, profiles and soaks.

`result` is one variant's `result.json`, `metrics` the look-up of its numbers, `key_meanings` the meaning of each key.
`run_folders` finds and archives results, `unfinished/` has a variant's files until its result is complete, `frames/`
has the frames of its clips, and `search/` the records of a search. A record does not judge itself: verdicts are in
`workbench.audit`.

audit, report, bundle, workflows and cli may import this package.
"""
