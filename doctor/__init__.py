"""The start-up checklist of the runbook as a command: what works, what does not, and how to mend it.

It asks each part one cheap question with a deadline. It repairs nothing and starts nothing; the one model that it
loads is the local voice, where there is a recogniser to speak to.
"""

from doctor.command import main, run_doctor

__all__ = ["main", "run_doctor"]
