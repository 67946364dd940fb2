"""The documentation: its links, its examples and its list of public names are true."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ctal
from ctal.cli import main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *(ROOT / f"{n}.md" for n in ("README", "CONTRIBUTING"))]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def text_of(page: Path) -> str:
    """The Markdown of a page or notebook."""
    if page.suffix != ".ipynb":
        return page.read_text(encoding="utf-8")
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text: str) -> set[str]:
    """The names of the headings, as code hubs and the site make them of their words."""
    fenced = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", fenced, flags=re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings]
    names = {re.sub(r"\s+", "-", words.strip()) for words in plain}
    return names | set(re.findall(r"^::: (\S+)$", fenced, flags=re.MULTILINE))


@pytest.mark.parametrize("page", [*PAGES, *NOTEBOOKS], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^()\s]+)\)", without_code(text_of(page))):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(text_of(target)), f"{page.name} links to {link}"


def test_links_are_looked_at() -> None:
    page = "[a](b.md#c)\n```\n[no](d.md)\n```\n# C: *d* `e` (f)\n::: ctal.load\n"
    assert re.findall(r"\]\(([^()\s]+)\)", without_code(page)) == ["b.md#c"]
    assert anchors(page) == {"c-d-e-f", "ctal.load"}


def test_the_navigation_has_every_page() -> None:
    pages = {page.name for page in DOCS.glob("*.md")}
    pages |= {"first_steps.md", "changelog.md", "contributing.md"}  # made by the build
    listed = re.findall(r"^ +- [\w ]+: (\w+\.md)", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(pages)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_whole_and_hold_no_outputs(notebook: Path) -> None:
    content = json.loads(notebook.read_text(encoding="utf-8"))
    assert content["nbformat"] == 4
    cells = content["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert len({cell["id"] for cell in cells}) == len(cells)
    for cell in code:
        compile("".join(cell["source"]), f"{notebook.name}, {cell['id']}", "exec")
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


def test_the_reference_lists_all_public_names() -> None:
    listed = set(re.findall(r"^::: (\S+)$", text_of(DOCS / "api.md"), flags=re.MULTILINE))
    homes = ("tasks", "losses", "networks", "data", "metrics", "weighting")
    public = {"ctal.CTAL", "ctal.load"} | {
        f"ctal.{home}.{name}"
        for home in homes
        for name in importlib.import_module(f"ctal.{home}").__all__
    }
    public.remove("ctal.networks.CTAL")  # which is ctal.CTAL
    assert public <= listed
    for name in listed:
        home, _, last = name.rpartition(".")
        assert hasattr(importlib.import_module(home), last), name


@pytest.fixture
def thermal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with images, temperatures and depths, in which the test runs."""
    generator = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("image", "thermal", "depth"):
            (tmp_path / split / kind).mkdir(parents=True)
        for name in map(str, range(4)):
            image = generator.integers(0, 256, (32, 64, 3)).astype(np.uint8)
            kelvins = 280 + image[..., 0] / 10
            kelvins[:4] = 0  # what the thermal camera does not see
            folder = tmp_path / split
            Image.fromarray(image).save(folder / "image" / f"{name}.png")
            stored = (kelvins * 100).round().astype(np.uint16)
            Image.fromarray(stored).save(folder / "thermal" / f"{name}.png")
            np.save(folder / "depth" / f"{name}.npy", image[..., 1] / np.float32(50) + 1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "my_tasks", raising=False)
    return tmp_path


def test_the_task_of_the_documentation_trains_and_predicts(thermal: Path) -> None:
    page = text_of(DOCS / "own_task.md")
    (task,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    (section,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    Path("my_tasks.py").write_text(task)
    Path("thermal.yaml").write_text(section.replace("resnet18", "test_resnet"))
    assert main(["data", "check", "--config=thermal.yaml"]) == 0
    options = ["--trainer.max_epochs=1", "--trainer.accelerator=cpu"]
    options += ["--trainer.default_root_dir=run", "--trainer.enable_progress_bar=false"]
    assert main(["fit", "--config=thermal.yaml", *options]) == 0
    scores = json.loads((thermal / "run" / "scores_val.json").read_text())["scores"]
    assert 0 < scores["temperature/error"] < 50
    assert 0 <= scores["temperature/within_1"] <= 1
    command = ["predict", "val/image/0.png", "--checkpoint=run", "--imports", "my_tasks"]
    assert main(command) == 0
    with np.load("predictions/0.npz") as file:
        assert file["temperature"].shape == (32, 64)
        assert json.loads(str(file["units"]))["temperature"] == "K"
    assert ctal.load("run").tasks[0].usual == 288
