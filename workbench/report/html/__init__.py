"""The page for people who would rather look: `report.html`, and `report.md` for pull requests."""
