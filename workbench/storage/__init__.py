"""Files and folders: atomic writes, folder locks, hashes, records as JSON and `.npz`, and the data that are shipped.

Imports only `errors` and `record_model`. Every stage above may import it.
"""
