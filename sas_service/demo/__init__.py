"""``make demo``: a whole world on one machine (design.md section 8)."""
