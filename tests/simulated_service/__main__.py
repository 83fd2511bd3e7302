"""`python -m simulated_service`: the service alone, until it is interrupted."""

from __future__ import annotations

import argparse
import contextlib
import os
import threading

from . import retouching
from .service import ACCESS_KEY, SECRET_KEY, SimulatedService


def main() -> None:
    """Parse the arguments, say where it listens, wait."""
    parser = argparse.ArgumentParser(prog="simulated_service", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds a picture takes")
    parser.add_argument("--queue", type=float, default=0.0, help="seconds a task waits before")
    parser.add_argument(
        "--retouch", action="store_true", help="fill from the surroundings instead of in colours"
    )
    parser.add_argument("--allowance", type=int, default=None, help="calls at once")
    parser.add_argument("--access-key", default=os.environ.get("SIMULATED_ACCESS_KEY", ACCESS_KEY))
    options = parser.parse_args()
    service = SimulatedService(
        options.access_key,
        os.environ.get("SIMULATED_SECRET_KEY", SECRET_KEY),
        latency_s=options.latency,
        queue_s=options.queue,
        artist=retouching.retoucher() if options.retouch else None,
        allowance=options.allowance,
        port=options.port,
    )
    with service, contextlib.suppress(KeyboardInterrupt):
        print(f"listening on {service.endpoint}", flush=True)
        threading.Event().wait()


main()
