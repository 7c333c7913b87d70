"""Benchmarks, one file each: `make bench-NAME` runs `bench/NAME.py`, prints a table and writes its JSON.

They start what they measure, name the machine and the commit, and fail loudly where a target is missed. No
test.
"""
