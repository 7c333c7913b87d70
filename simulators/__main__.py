"""`python -m simulators --all`: the vendors on loopback until Ctrl-C, with the environment lines that lead there."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

from simulators.engines import load_engines
from simulators.faults import MEANINGS, Fault
from simulators.fleet import VENDORS, Fleet
from simulators.latency import PROFILES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulators", description=__doc__)
    parser.add_argument("vendors", nargs="*", help=f"any of {', '.join(VENDORS)}")
    parser.add_argument("--all", action="store_true", help="every vendor")
    parser.add_argument("--latency", choices=tuple(PROFILES), default="published")
    parser.add_argument("--seed", type=int, default=0, help="of the latencies")
    parser.add_argument("--faults", action="store_true", help="list the faults and who has them, and end")
    options = parser.parse_args()
    if unknown := set(options.vendors) - set(VENDORS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(VENDORS)}")
    if options.faults:
        for fault in Fault:
            who = ", ".join(name for name, each in VENDORS.items() if fault in each.faults)
            print(f"{fault:25} {MEANINGS[fault]} ({who})")
        return 0
    if not options.all and not options.vendors:
        parser.error("name vendors, or --all")
    vendors = tuple(VENDORS) if options.all else tuple(options.vendors)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(vendors, options.latency, options.seed))
    return 0


async def serve(vendors: tuple[str, ...], latency: str, seed: int) -> None:
    """Run until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await load_engines()
    async with Fleet(*vendors, latency=PROFILES[latency], seed=seed) as fleet:
        for name, value in fleet.environment().items():
            print(f"{name}={value}")
        print(f"SIMULATORS_CONTROL_URL={fleet.control_url}", flush=True)
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
