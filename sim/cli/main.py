"""`kafkasim`: bad input is one line on standard error and exit code 2, Ctrl-C is exit code 130."""

import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of the console command; all else is imported here, so that Ctrl-C is heard meanwhile."""
    try:
        from sim.cli.commands import execute

        execute()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.stderr.write("kafkasim: interrupted, nothing was written\n")
        sys.exit(130)
