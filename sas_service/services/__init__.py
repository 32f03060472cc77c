"""The use cases, readable as sentences; they know the ports and the domain, nothing else."""
