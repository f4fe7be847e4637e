"""By hand: `python -m conformance.selftests.servers NAME [--port PORT]` serves a behaviour and prints its URL."""

from __future__ import annotations

import argparse
import sys
import threading

from .behaviours import NAMED, made
from .transport import listening


def main() -> int:
    """Serve until interrupted."""
    listed = "\n".join(f"  {name:22} {maker.__doc__}" for name, maker in NAMED.items())
    parser = argparse.ArgumentParser(
        prog="python -m conformance.selftests.servers",
        description="Serve a miniature server of one named behaviour.",
        epilog=f"names:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="a behaviour, with an argument after a colon where it takes one")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    options = parser.parse_args()
    try:
        server = made(options.name)
    except (KeyError, TypeError, ValueError):
        parser.error(f"no behaviour {options.name!r}; see --help")
    with listening(server, options.port) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
