"""Recordings as people have them: decoded from any container, one channel of them, and what is wrong with them.

`decoded` reads what libsndfile reads, `container` all other files; `channel` chooses a channel, and `condition` finds
what a figure may suffer from. Only `audio.decode` uses them; records store the conditions.
"""
