"""`python -m chaos.toxiproxy`: the built-in server as a process of its own; ToxiproxyProcess starts it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading

from chaos.toxiproxy.errors import AddressError
from chaos.toxiproxy.server import DEFAULT_HOST, DEFAULT_PORT, serve


def end_with_input() -> None:
    """Stop when our input ends: whoever started us is gone, however it went."""
    while os.read(sys.stdin.fileno(), 4096):  # not sys.stdin.read: its lock would be held at the interpreter's end
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos.toxiproxy", description="Serve Toxiproxy's HTTP API.")
    parser.add_argument("--host", default=DEFAULT_HOST)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0: any free one; the URL is printed")
    parser.add_argument("--seed", type=int, default=0, help="of jitter, slices and toxicity")
    parser.add_argument("--metrics", action="store_true", help="serve /metrics too")
    parser.add_argument("--leashed", action="store_true", help="stop when standard input ends")
    options = parser.parse_args()
    if options.leashed:
        threading.Thread(target=end_with_input, daemon=True).start()
    try:
        serve(
            options.host,
            options.port,
            seed=options.seed,
            metrics=options.metrics,
            ready=lambda url: print(url, flush=True),
        )
    except AddressError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
