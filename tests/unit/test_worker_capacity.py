"""How many rooms a worker takes: what MAX_CONCURRENT_SESSIONS says, also when all of them open at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from debate_moderator_agent import IDLE_PROCESSES, build_server, keep_processes_warm
from settings import load_settings


@dataclass
class IdlePool:
    """The framework's pool of processes before any job was launched."""

    processes: list[object] = field(default_factory=list)
    idle: int = 0

    def set_target_idle_processes(self, count: int) -> None:
        self.idle = count


@pytest.mark.parametrize("sessions", [1, 3, 10])
def test_rooms_that_open_at_the_same_moment_are_all_taken_up_to_the_limit(
    sessions: int, monkeypatch: pytest.MonkeyPatch
):
    settings = load_settings(
        livekit_url="ws://127.0.0.1:9",
        livekit_api_key="a-key",
        livekit_api_secret="x" * 32,
        max_concurrent_sessions=sessions,
    )
    server = build_server(settings, console=True)
    pool = IdlePool()
    monkeypatch.setattr(server, "_proc_pool", pool, raising=False)
    keep_processes_warm(server, sessions)
    assert pool.idle == IDLE_PROCESSES
    server._worker_load, server._devmode = 0.0, False
    for accepted in range(sessions):
        server._reserved_slots = accepted
        assert server._is_available(), f"refused with {accepted} jobs on their way"
    server._reserved_slots = sessions
    assert not server._is_available()
