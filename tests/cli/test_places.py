"""Relative paths and custom modules are resolved in the current directory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

OWN = """
from torch import nn
from ctal.networks import Network, Predictions


class Flat(Network):
    def __init__(self, tasks, *, image_size):
        super().__init__(tasks, image_size=image_size)
        self.heads = nn.ModuleDict({t.name: nn.Conv2d(3, t.channels, 1) for t in tasks})

    def predict_raw(self, images):
        return Predictions({name: head(images) for name, head in self.heads.items()}, [])
"""
CONFIG = """
trainer: {max_epochs: 1, accelerator: cpu, enable_progress_bar: false, default_root_dir: runs/g1}
model: {network: {class_path: own_flat_network.Flat}}
data: data.yaml
"""
DATASET = """{class_path: ctal.data.FolderDataset, init_args: {root: scans, image: '{name}_rgb.png',
  maps: [{task: {class_path: ctal.tasks.Depth}, files: '{name}_depth.npy'}]}}"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Create a directory with a custom network, data, and a config in a subdirectory."""
    (tmp_path / "scans").mkdir()
    (tmp_path / "settings").mkdir()
    for name in "abc":
        Image.new("RGB", (16, 16), "red").save(tmp_path / "scans" / f"{name}_rgb.png")
        np.save(tmp_path / "scans" / f"{name}_depth.npy", np.ones((16, 16), np.float32))
    (tmp_path / "own_flat_network.py").write_text(OWN)
    (tmp_path / "settings" / "flat.yaml").write_text(CONFIG)
    # paths in a file are relative to its folder
    splits = [f"{split}: {DATASET}" for split in ("train", "val", "test")]
    (tmp_path / "settings" / "data.yaml").write_text("\n".join([*splits, "batch_size: 3"]))
    return tmp_path


def ctal(*args: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `ctal` as installed: with -P, since the script is not in the current directory."""
    script = "import sys; from ctal.cli import main; sys.exit(main())"
    command = [sys.executable, "-P", "-c", script, *args]
    kept = [path for path in sys.path if "ctal" in path or path.endswith("src")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(kept)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_custom_network_is_found_for_any_location_of_its_config(project: Path) -> None:
    done = ctal("fit", "--config", "settings/flat.yaml", folder=project)
    assert done.returncode == 0, done.stderr
    assert (project / "runs/g1/checkpoints/best.ckpt").is_file()
    for command in ("test", "validate"):
        done = ctal(command, "--config", "runs/g1/config.yaml", folder=project)
        assert done.returncode == 0, done.stderr
    done = ctal("compare", "runs/g1", "--device", "cpu", folder=project)
    assert done.returncode == 0, done.stderr
    content = json.loads((project / "runs/compare/comparison.json").read_text())
    assert [row["network"] for row in content["rows"]] == ["Flat", "constant maps"]


def test_compare_trains_a_custom_network(project: Path) -> None:
    done = ctal("compare", "settings/flat.yaml", "--seeds", "0", "1", folder=project)
    assert done.returncode == 0, done.stderr + done.stdout
    assert (project / "runs/compare/flat/seed1/scores_test.json").is_file()


def test_another_directory(project: Path) -> None:
    """Modules and data are searched in the current directory, not in the config's."""
    done = ctal("fit", "--config", "flat.yaml", folder=project / "settings")
    assert done.returncode == 2
    assert "No module named 'own_flat_network'" in done.stderr
    other = project / "other"
    other.mkdir()
    (other / "own_flat_network.py").write_text(OWN)
    done = ctal("fit", "--config", "../settings/flat.yaml", folder=other)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "scans" in done.stderr
    (other / "scans").symlink_to(project / "scans")
    done = ctal("fit", "--config", "../settings/flat.yaml", folder=other)
    assert done.returncode == 0, done.stderr
    assert (other / "runs/g1/config.yaml").is_file()
    assert not (project / "runs").exists()
    assert not (project / "settings/runs").exists()


def test_a_local_module_does_not_shadow_an_installed_one(project: Path) -> None:
    (project / "yaml.py").write_text("raise RuntimeError('the wrong module')")
    (project / "torch.py").write_text("raise RuntimeError('the wrong module')")
    done = ctal("fit", "--config", "settings/flat.yaml", folder=project)
    assert done.returncode == 0, done.stderr


def test_a_deleted_current_directory(tmp_path: Path) -> None:
    script = "import os; os.rmdir(os.getcwd()); from ctal.cli import main; main(['--help'])"
    gone = tmp_path / "gone"
    gone.mkdir()
    command = [sys.executable, "-P", "-c", script]
    done = subprocess.run(command, cwd=gone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
