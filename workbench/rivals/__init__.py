"""The pitch trackers that users would choose instead, each behind the same interface: one file a tracker."""
