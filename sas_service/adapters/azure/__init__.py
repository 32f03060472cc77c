"""Everything that speaks to Azure through the official packages; no other package imports ``azure``."""
