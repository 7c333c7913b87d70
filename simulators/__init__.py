"""Vendors' wire protocols on loopback, with latencies and faults on demand, for tests, benchmarks and use by hand.

Behind each server are the engines of providers/local, so what is said is really said and what is heard was really
spoken. The product must never import this package (tests/unit/test_layout.py). docs/simulators.md says how to use it
and what the real plugins do for each fault.
"""
