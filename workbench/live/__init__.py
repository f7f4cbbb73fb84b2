"""Programs on live audio, side by side: their sessions, a page for the browser, and a view for a terminal.

`blocks` reads what a microphone sends; `pump` turns blocks into frames; `lane` runs one pump in its own thread;
`listener` has the lanes of one microphone. `server` and `terminal` show the frames.

It may import workflows and every package below it. Only cli imports it.
"""
