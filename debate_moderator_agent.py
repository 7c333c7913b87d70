"""Sage's worker: python debate_moderator_agent.py COMMAND [--help]

  start              takes every room that asks for a moderator
  dev                the same, with more to read, and anew whenever the code changes
  connect --room R   moderates one room, without a dispatch
  console [--text]   talk to the moderator here; no room, no server
  download-files     fetches the English turn detector's files; for image builds
  doctor             the start-up checklist; --offline, --explain NAME, --json

Settings: docs/settings.md. `make run` starts everything at once.
"""

from __future__ import annotations

import sys

try:
    from livekit.agents import AgentServer, cli
except ModuleNotFoundError as error:  # a Python without our packages: say which one has them
    raise SystemExit(f"{error.name} is missing: `make setup`, then .venv/bin/python {sys.argv[0]}") from None
from livekit.agents.cli import _legacy as framework_cli_legacy
from livekit.agents.cli import cli as framework_cli

import logs
from errors import SageError
from memory.replica import Replica
from providers.chains import log_plan, plan_chains
from providers.turns import prepare_worker
from settings import Settings, check_settings, load_settings
from voice.console import prepare_terminal
from voice.dispatching import Dispatching
from voice.job import AGENT_NAME, accept, leave, moderate, prewarm
from voice.telemetry import metrics_folder, share_metrics

IDLE_PROCESSES = 2
"""With one, a second dispatch at the same moment is refused (LIVEKIT.md)."""

INITIALIZE_SECONDS = 60.0
"""Models load while a process waits for its job; on a busy machine the framework's 10 s is not enough."""

DRAIN_SECONDS = 2
"""A debate outlasts any draining: its moderator finishes a sentence and leaves, so that another worker takes the room
while people wait for seconds, not for as long as the platform would let this one live (Render: 30 s)."""


def build_server(settings: Settings, *, console: bool = False) -> AgentServer:
    """The worker: capacity counts jobs, not CPU, because a busy two-core machine would take none at all.
    console: nobody asks a console for its health or metrics, and it may run beside a worker that has the ports.
    """

    def load(server: AgentServer) -> float:
        return min(1.0, len(server.active_jobs) / settings.max_concurrent_sessions)

    metrics = None if console else metrics_folder()
    server = AgentServer(
        setup_fnc=prewarm,
        load_fnc=load,
        load_threshold=1.0,
        # None at first: the framework registers only once they are warm, and a room that needs a moderator now had
        # better wait in this worker than find none. `keep_processes_warm` asks for them as soon as it has started.
        num_idle_processes=0,
        initialize_process_timeout=INITIALIZE_SECONDS,
        # imported once where job processes are forked from: they share its pages, and start sooner
        preload_modules=["voice.job"],
        drain_timeout=DRAIN_SECONDS,
        ws_url=settings.livekit_ws_url,
        api_key=settings.secret("livekit_api_key"),
        api_secret=settings.secret("livekit_api_secret"),
        # health and metrics are the operator's: reachable from outside only where a deployment asks for it
        host=settings.worker_host,
        port=0 if console else settings.worker_health_port,
        prometheus_port=None if console else settings.worker_metrics_port,
        prometheus_multiproc_dir=metrics,
    )
    if metrics is not None:
        share_metrics(server, metrics)
    server.rtc_session(moderate, agent_name=AGENT_NAME, on_request=accept, on_session_end=leave)
    server.on("worker_started", lambda: keep_processes_warm(server, settings.max_concurrent_sessions))
    Dispatching(settings, server)
    return server


def keep_processes_warm(server: AgentServer, sessions: int) -> None:
    """Ask the framework's pool for IDLE_PROCESSES processes with their models loaded; it has no public way to.

    The server's own number is the capacity instead: from it the framework guesses what share of the load the first
    jobs will take, and with 2 it refuses the third of several rooms that open at the same moment.
    """
    server._num_idle_processes = sessions
    pool = server._proc_pool
    pool._default_num_idle_processes = IDLE_PROCESSES
    pool.set_target_idle_processes(IDLE_PROCESSES)


def keep_our_logs(settings: Settings) -> None:
    """Make the framework's CLI leave the logs as they are: handlers of its own would be a way past the redaction."""

    def configure(*_: object, **__: object) -> None:
        logs.configure(settings, "worker", conversing=cli.AgentsConsole.get_instance().enabled)

    for module in (framework_cli, framework_cli_legacy):
        for name in ("setup_logging", "_configure_logger"):
            if hasattr(module, name):
                setattr(module, name, configure)


def run(server: AgentServer, replica: Replica) -> None:
    """Serve until the worker is ended; the replica begins with it and gets the last seconds."""
    server.on("worker_started", replica.start)
    try:
        cli.run_app(server)
    finally:
        replica.stop()


def main(arguments: list[str]) -> int:
    """Run one command; answers the exit code. Every problem is said with the command that mends it."""
    command = arguments[0] if arguments else ""
    if command in ("", "help", "-h", "--help"):
        print(__doc__)
        return 0 if command else 2
    if command == "doctor":
        from doctor import main as run_doctor

        return run_doctor(arguments[1:])
    try:
        if command == "download-files":
            from providers.download import download_files

            # at build time there are no keys yet: problems of other settings must not keep the files away
            download_files(check_settings()[0])
            return 0
        if command == "console":
            prepare_terminal(arguments[1:])
        settings = load_settings()
        plan = plan_chains(settings)
        logs.configure(settings, "worker", conversing=command == "console")
        log_plan(plan)
        prepare_worker(settings)
        keep_our_logs(settings)
        run(build_server(settings, console=command == "console"), Replica(settings))
    except SageError as error:
        print(f"{error}\n{error.hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
