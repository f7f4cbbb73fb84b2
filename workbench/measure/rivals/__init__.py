"""Other pitch trackers and PESTO on the same clips: accuracy on one time grid, the audio a frame needs, the time."""
