"""Which layers bear which scheme (`sensitivity`), and the search for the best recipe of a space (`search`)."""
