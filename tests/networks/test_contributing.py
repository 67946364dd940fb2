"""The example network of CONTRIBUTING.md works as described."""

import re
from pathlib import Path

import torch
from tests.small_networks import TASKS

from ctal.networks import build, describe

PAGE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_documented_network():
    code = re.search(r"## A network\n.*?```python\n(.*?)```", PAGE, re.DOTALL)
    names = {"__name__": "my_package"}
    exec(code[1], names)
    network = names["MyNet"](TASKS, "test_resnet", image_size=64)
    predictions = network(torch.rand(2, 3, 64, 64))
    assert {n: x.shape[1:] for n, x in predictions.final.items()} == {
        task.name: (task.channels, 64, 64) for task in TASKS
    }
    sum(x.square().sum() for x in predictions.final.values()).backward()
    assert [n for n, p in network.named_parameters() if p.grad is None] == []
    network.resize((32, 64))
    assert build(describe(network)).image_size == (32, 64)


def test_the_documented_lists_exist():
    for name, file in re.findall(r"to `([A-Z]+)` in\s+`([^`]+)`", PAGE):
        text = (Path(__file__).parents[2] / file).read_text(encoding="utf-8")
        assert re.search(rf"^{name}\b[^\n]* = ", text, re.MULTILINE), f"{name} in {file}"
    assert "TASKS" in PAGE
    assert "NETWORKS" in PAGE
