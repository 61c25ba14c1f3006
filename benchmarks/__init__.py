"""Measures Eventfeed against the figures it promises: `python -m benchmarks --help`."""
