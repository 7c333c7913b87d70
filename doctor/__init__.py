"""The start-up checklist of the runbook as a command: what works, what does not, and how to mend it.

It asks each part one cheap question with a deadline. It repairs nothing, starts nothing and loads no model.
"""

from doctor.command import main, run_doctor

__all__ = ["main", "run_doctor"]
