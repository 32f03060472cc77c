"""The only wiring: settings -> adapters -> services -> Flask; nothing here decides anything."""
