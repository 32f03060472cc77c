"""Hypothesis without a stopwatch: these examples are quick, but the machine that runs them may be busy."""

from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
