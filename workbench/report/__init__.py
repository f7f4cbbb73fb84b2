"""Results for people to read. Only workflows and cli import it.

`columns.py` has the columns that every table of results shows; `tables/` prints them on the terminal, `html/` writes
the page, `markdown.py` the text of a pull request, `plots/` the pictures. Nothing here measures or judges.
"""
