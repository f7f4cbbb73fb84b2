"""The pitch trackers that users would choose instead, each behind the same interface: one file a tracker.

`rival` has the interface, `catalogue` the list. A tracker's package is imported when the tracker is opened. The package
imports only `audio` and stages below it, and no PESTO. measure and workflows may import it.
"""
