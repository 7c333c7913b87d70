"""Rehearsals: synthetic debaters hold a scripted debate in a real room, and a silent participant judges it.

Owns scripts, voices, the observer, the judgement and its report. The product never imports it, and it never
asks the worker how it went: only what a participant received counts.
"""
