"""A known f0 for a recording that has none: by the consensus of trackers, or by singing it again with an exact f0."""
