"""The page about the shipped student.

`floor` measures how far the teacher moves from itself. `page` writes the page from the stored records.
"""
