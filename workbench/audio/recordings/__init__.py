"""Recordings as people have them: decoded from any container, one channel of them, and what is wrong with them."""
