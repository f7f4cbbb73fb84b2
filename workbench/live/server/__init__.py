"""The page in the browser: its address and who may open it, the socket of the audio, and the takes.

`serve` starts the server, `app` has its routes, and `guard` decides who may use it. `client` is one connected page, and
`pool` has the sessions of all. `takes` stores recordings, and `scoring` scores them. Only cli imports this package.
"""
