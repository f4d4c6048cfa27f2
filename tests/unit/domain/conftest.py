"""
Generated values: the same in each run, a busy machine is no failure, and nothing is written beside the tests.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "aipull", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("aipull")
