"""The audit log, the slots and the suspensions in Redis (or Valkey): the only modules that import redis."""
