"""Taking tokens back from a terminal: revoke, lockdown and rotate-shared-key, all of them clients of the service."""
