"""Several ways to run one stream, timed in one process in turns: what runs there, the figures, and the claims.

records, report and workflows may import it.
"""
