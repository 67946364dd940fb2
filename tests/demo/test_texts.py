"""Texts of the demo: values under the pointer, keys, sentences."""

import base64
import html
import json
import re

import numpy as np
import pytest
import torch

from ctal.demo.legends import legend_html
from ctal.demo.texts import affinity, predicted, sentence
from ctal.demo.values import texts_at, value_texts, values_html
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals
from ctal.tasks.keys import ClassKey

TASKS = [SemanticSegmentation(2, ["wall", "<b>"]), Depth(), SurfaceNormals()]
NORMALS = torch.tensor([[[0.0, 0.8]], [[-1.0, 0.0]], [[0.0, -0.6]]])
MAPS = {
    "semseg": torch.tensor([[0, 1]]),
    "depth": torch.tensor([[[1.25, 3.0]]]),
    "normals": NORMALS,
}


def test_values_are_named_with_classes_units_and_directions():
    assert texts_at(TASKS, MAPS, (0, 0)) == ["wall", "1.25 m", "faces up"]
    assert texts_at(TASKS, MAPS, (1, 0)) == ["<b>", "3.00 m", "faces right, the camera"]


def test_the_page_gets_the_same_texts_in_a_small_grid():
    found = re.search('data-values="([^"]*)"', values_html(TASKS, MAPS))[1]
    assert "<" not in found
    content = json.loads(html.unescape(found))
    assert (content["height"], content["width"]) == (1, 2)
    texts = []
    for task in content["tasks"]:
        index = np.frombuffer(base64.b64decode(task["index"]), "<u2")
        texts.append([task["texts"][place] for place in index])
    assert [list(column) for column in zip(*texts, strict=True)] == [
        texts_at(TASKS, MAPS, (0, 0)),
        texts_at(TASKS, MAPS, (1, 0)),
    ]
    large = {"depth": torch.rand(1, 480, 640)}
    assert '"width": 160' in html.unescape(values_html([Depth()], large))


def test_pixels_without_a_label_have_a_text():
    texts, index = value_texts(TASKS[0], torch.tensor([[255, 1]]))
    assert texts[int(index[0, 0])] == "no label"


def test_names_of_classes_are_escaped():
    assert "<b>" not in legend_html(TASKS[0].key(MAPS["semseg"]))
    assert "&lt;b&gt; 50 %" in legend_html(TASKS[0].key(MAPS["semseg"]))
    assert "<b>" not in predicted((2, 3), "<b>")


def test_rare_classes_and_many_classes():
    assert "&lt;1 %" in legend_html(ClassKey([("#ffffff", "a", 0.001)]))
    many = ClassKey([("#ffffff", "a", None)] * 20)
    assert "4 other classes" in legend_html(many)


def test_the_scale_and_the_sphere():
    assert "1.25 m near" in legend_html(TASKS[1].key(MAPS["depth"]))
    assert 'alt=""' in legend_html(TASKS[2].key(NORMALS))
    assert legend_html(None) == ""


def test_a_sentence_names_the_main_source_and_the_size_of_the_change():
    text = sentence("depth", ["depth", "<i>", "bias"], [0.1, 0.6, 0.3], 0.02)
    assert "little, by 2 % of their length" in text
    assert "similar in &lt;i&gt; (60 %)" in text
    assert "by &lt;1 % of" in sentence("a", ["a", "bias"], [0.3, 0.7], 0.001)
    assert "all of them (the bias, 70 %)" in sentence("a", ["a", "bias"], [0.3, 0.7], 0.1)


def test_the_load_test_recognizes_the_caption():
    load = pytest.importorskip("benchmarks.demo_load", reason="needs httpx", exc_type=ImportError)
    caption = affinity((1, 2), (3, 4), "wall")
    assert load.CAPTION in caption
    assert "(4 x 3)" in caption
