"""Records with chosen values, most of them from the stored results of docs/records/measured."""
