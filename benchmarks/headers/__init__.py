"""The rules against the headers of 287,000 public CT, CR and DX series: ``python -m benchmarks.headers``."""
