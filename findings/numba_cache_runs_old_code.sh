#!/usr/bin/env bash
# numba's cache on disk runs the old code of a changed function after a write failed
#
# @njit(cache=True) writes an index and a file with machine code. When the source has changed, numba
# starts a new index, whose first entry has the name of the old file of machine code, and writes it
# first. If writing the machine code then fails (a full disk, a quota), numba raises OSError, and
# the new index refers to the old machine code. The next process finds an index that fits the new
# source, loads the old code, and returns its results without a warning. A process that is killed
# between the two writes has the same effect.
# What to do: catch errors of the compilation and compile again with cache=False; after a full disk,
# delete *.nbi and *.nbc in __pycache__ (or the folder of NUMBA_CACHE_DIR).
#
# Seen with numba 0.68.1, Python 3.11 (a limit of 4 kB per file stands for the full disk):
#   numba 0.68.1
#   source: return 2 * x, disk free: 2
#   source: return 3 * x, disk full: OSError: [Errno 27] File too large
#   source: return 3 * x, disk free: 2
#
# Exit code: 0 if it behaves as described, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numba==0.68.1 numpy==2.4.6
cd "$folder"
unset NUMBA_CACHE_DIR
"$folder/venv/bin/python" - <<'PYTHON'
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

print("numba", version("numba"))
CODE = "from numba import njit\n\n@njit(cache=True)\ndef scale(x):\n    return {} * x\n"


def small_files() -> None:
    """Limit every file that is written to 4 kB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def call(full: bool) -> str:
    """Return the last line of a new process that prints scale(1)."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", "import scaling; print(scaling.scale(1))"],
        capture_output=True,
        text=True,
        preexec_fn=small_files if full else None,
    )
    return (done.stdout + done.stderr).strip().splitlines()[-1]


outcomes = []
for factor, full in [(2, False), (3, True), (3, False)]:
    Path("scaling.py").write_text(CODE.format(factor))
    outcomes.append(call(full))
    print(f"source: return {factor} * x, disk {'full' if full else 'free'}: {outcomes[-1]}")
sys.exit(not (outcomes[0] == outcomes[2] == "2" and outcomes[1].startswith("OSError")))
PYTHON
