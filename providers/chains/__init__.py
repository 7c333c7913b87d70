"""Chains of links: planned from settings (`plan`), known as dead or living (`breaker`), run as one STT, LLM or TTS.

The plan's names are here; what runs a chain imports SDKs and is imported from its own module.
"""

from providers.chains.plan import LOCAL, ChainPlan, LeftOut, log_plan, plan_chains

__all__ = ["LOCAL", "ChainPlan", "LeftOut", "log_plan", "plan_chains"]
