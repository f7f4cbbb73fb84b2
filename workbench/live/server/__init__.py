"""The page in the browser: its address and who may open it, the socket of the audio, and the takes."""
