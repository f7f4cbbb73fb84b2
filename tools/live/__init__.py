"""Checks of `workbench live` in a real browser."""
