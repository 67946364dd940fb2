"""Defaults of the OpenMP settings."""

import json
import os
import subprocess
import sys

import pytest

from ctal.cli import threads
from ctal.cli.threads import cpu_limit, leave_busy_cores, set_thread_defaults, usable_cores
from ctal.io.cores import busy_cores


@pytest.fixture
def unlimited(monkeypatch):
    monkeypatch.setattr(threads, "cpu_limit", lambda: None)


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"GOMP_SPINCOUNT": "1000"}),
        ({"GOMP_SPINCOUNT": "5"}, {"GOMP_SPINCOUNT": "5"}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE"}),
        ({"OMP_NUM_THREADS": "3"}, {"OMP_NUM_THREADS": "3", "GOMP_SPINCOUNT": "1000"}),
    ],
)
def test_user_settings_take_precedence(given, expected):
    set_thread_defaults(given)
    assert given == expected


@pytest.mark.parametrize(
    ("limit", "cores", "expected"),
    [(2.5, 8, "2"), (0.5, 8, "1"), (8.0, 8, None), (None, 8, None)],
)
def test_threads_respect_the_container_limit(monkeypatch, limit, cores, expected):
    monkeypatch.setattr(threads, "cpu_limit", lambda: limit)
    monkeypatch.setattr(threads, "usable_cores", lambda: cores)
    environment = {}
    set_thread_defaults(environment)
    assert environment.get("OMP_NUM_THREADS") == expected
    environment = {"OMP_NUM_THREADS": "16"}
    set_thread_defaults(environment)
    assert environment["OMP_NUM_THREADS"] == "16"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "unreadable"}, None),
        ({}, None),
    ],
)
def test_limits_of_both_versions_of_cgroups(tmp_path, files, expected):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert cpu_limit(tmp_path) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be chosen")
def test_cores_are_limited_to_the_process_affinity():
    first = min(os.sched_getaffinity(0))
    code = "import os; from ctal.cli.threads import usable_cores as n; print(n())"
    command = f"import os; os.sched_setaffinity(0, {{{first}}}); {code}"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert done.stdout == "1\n"
    assert usable_cores() == len(os.sched_getaffinity(0))


def test_every_command_sets_the_defaults_before_importing_torch():
    code = (
        "import json, os, sys\n"
        "from ctal.cli.main import main\n"
        "main(['--version'])\n"
        "print(json.dumps([os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules]))"
    )
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == ["1000", False]


@pytest.mark.parametrize(
    ("busy", "given", "expected"),
    [
        (0.3, {}, {}),
        (1.1, {}, {"OMP_NUM_THREADS": "3"}),
        (2.6, {}, {"OMP_NUM_THREADS": "1"}),
        (9.0, {}, {"OMP_NUM_THREADS": "1"}),
        (2.0, {"OMP_NUM_THREADS": "4"}, {"OMP_NUM_THREADS": "4"}),
    ],
)
def test_short_commands_leave_busy_cores_to_others(monkeypatch, busy, given, expected):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(threads, "usable_cores", lambda: 4)
    monkeypatch.setattr(threads, "busy_cores", lambda: busy)
    environment = dict(given)
    leave_busy_cores(environment)
    assert environment == expected


def test_busy_cores_are_those_that_are_not_idle(tmp_path, monkeypatch):
    """Of 100 ticks, one core is idle for 100 and one for 25, of which 5 wait for a disk."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2}, raising=False)
    monkeypatch.setattr(os, "getloadavg", lambda: (1.0, 1.0, 1.0))
    stat = tmp_path / "stat"
    stat.write_text(
        "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 5 0 5 50 0 0 0 0 0 0\ncpu2 1 1 1 9 0 0 0 0 7 0\n"
    )

    def wait(seconds):
        stat.write_text(
            "cpu0 5 0 5 150 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\ncpu2 51 11 11 29 5 2 3 0 50 0\n"
        )

    monkeypatch.setattr("ctal.io.cores.time.sleep", wait)
    assert busy_cores(stat) == pytest.approx(0.75)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.1, 1.0, 1.0))
    assert busy_cores(stat) == 0
    monkeypatch.setattr(os, "getloadavg", lambda: (1.0, 1.0, 1.0))
    assert busy_cores(tmp_path / "none") == 0
