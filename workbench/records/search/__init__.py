"""What choosing a recipe leaves behind: the effect of each single change, and the trials of a search."""
