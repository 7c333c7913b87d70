"""What a shared host took of the processor time that this machine asked for: measurements in real time depend on it.

Reads `steal` of /proc/stat; 0 where the system does not tell. Judges nothing.
"""

from __future__ import annotations

import psutil


class Cores:
    """The cores since it was made."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def stolen_share(self) -> float:
        """Share of the wanted processor time that went to others on the host; 0.0 where the system does not tell."""
        now = psutil.cpu_times()
        stolen = getattr(now, "steal", 0.0) - getattr(self._before, "steal", 0.0)
        used = sum(getattr(now, name) - getattr(self._before, name) for name in ("user", "system", "nice"))
        return stolen / (stolen + used) if stolen + used > 0 else 0.0
