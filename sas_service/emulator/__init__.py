"""A local Azure for Azure Maps: Entra ID, identity endpoints, ARM, the maps data plane and Key Vault; it imports nothing of the service."""
