"""The pages that are generated from the code: keys of recipes and records, commands, and bad input."""
