"""HTTP in, HTTP out: no decisions, no Azure, no Redis; every view declares its contract and calls one use case."""
