"""What each change of a program is worth by itself, and one after another: measured, stored, and shown as tables."""
