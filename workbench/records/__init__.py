"""The records of measurements, and how they are read and written: results, benches, sweeps, profiles and soaks.

`result` is one variant's `result.json`, `metrics` the look-up of its numbers, `run_folders` finds and archives results,
`staging` and `resume` hold a variant's files until its result is complete, `external_frames` reads frames from other
devices. A record does not judge itself: verdicts are in `workbench.audit`.

audit, report, bundle, workflows and cli may import this package.
"""
