"""`python -m ctal` for as long as the process lives that started it: a command of a comparison.

However that one ends, by SIGKILL too, the run must end with it, since the comparison, started
again, would train the same run in the same folder beside it. It may end at once: what it leaves
behind is whole at any time.
"""

from __future__ import annotations

import os
import runpy
import signal
import threading


def main() -> None:
    """Run the command in the arguments."""
    threading.Thread(target=_end_with_starter, daemon=True).start()
    runpy.run_module("ctal", run_name="__main__", alter_sys=True)


def _end_with_starter() -> None:
    """Wait for the end of stdin, an unused pipe that only the parent process holds open."""
    while os.read(0, 1):  # not sys.stdin, whose lock would be held when the interpreter shuts down
        pass
    os.killpg(0, signal.SIGKILL)  # the group that it leads, so its data workers too


if __name__ == "__main__":
    main()
