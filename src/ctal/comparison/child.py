"""Run `python -m ctal` as a child process that exits together with its parent.

The child must exit however the parent ends, even by SIGKILL. Otherwise a restarted comparison would
train the same run in the same folder a second time. It may exit immediately, since its files are
complete at any time.
"""

from __future__ import annotations

import os
import runpy
import signal
import threading


def main() -> None:
    """Run the command given by the arguments."""
    threading.Thread(target=_end_with_starter, daemon=True).start()
    runpy.run_module("ctal", run_name="__main__", alter_sys=True)


def _end_with_starter() -> None:
    """Wait for the end of stdin, an unused pipe that only the parent process keeps open."""
    while os.read(0, 1):  # not sys.stdin: its lock would be held at interpreter shutdown
        pass
    os.killpg(0, signal.SIGKILL)  # its process group, which includes its data workers


if __name__ == "__main__":
    main()
