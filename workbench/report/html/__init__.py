"""`report.html`, one page that holds everything, and the templates, styles and scripts that it is made of.

`page.py` writes it. `variant.py` and `charts.py` collect what it shows of one variant, `overview.py` what it shows of
all of them. Only workflows and cli import it.
"""
