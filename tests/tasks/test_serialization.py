import json

import pytest

from ctal.data.datasets.rooms import Rooms
from ctal.errors import InputError
from ctal.tasks import Edges, HumanParts
from ctal.tasks.serialization import build_task, describe_task


@pytest.mark.parametrize(
    "task", [*Rooms("val").tasks, Edges(max_distance=0.011), HumanParts(name="parts")]
)
def test_a_task_is_restored_from_json(task):
    assert build_task(json.loads(json.dumps(describe_task(task)))) == task


@pytest.mark.parametrize(
    ("description", "named"),
    [
        (
            {"class": "os.system", "arguments": {}},
            r"^os.system has not .* \(expected a Task\); import",
        ),
        ({"class": "ctal.tasks.depth.Depth", "arguments": {"x": 1}}, "unexpected keyword"),
        ({"class": "ctal.tasks.depth.Depth", "arguments": {"name": "a b"}}, "name: expected"),
        ({}, "invalid description of a task"),
        (None, "invalid description of a task"),
    ],
)
def test_invalid_descriptions_are_rejected(description, named):
    with pytest.raises(InputError, match=named):
        build_task(description)
