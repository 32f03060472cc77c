"""Issues, records and takes back Azure Maps SAS tokens."""

__version__ = "0.1.0"
