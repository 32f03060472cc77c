"""Issues and records Azure Maps SAS tokens, and is learning to take them back."""

__version__ = "0.1.0"
