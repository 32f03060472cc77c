"""A local Azure for Azure Maps (Entra ID, ARM, data plane, Key Vault); it imports nothing of the service."""
