"""The policy document: one strict YAML file, read as a whole or refused as a whole."""
