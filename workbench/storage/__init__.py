"""Files and folders: atomic writes, folder locks, hashes, and records as JSON and `.npz`.

Imports only `errors` and `record_model`. Every stage above may import it.
"""
