"""MkDocs hooks of the documentation site: links to files outside docs/, and equations."""

from types import SimpleNamespace

import pytest

pytest.importorskip("mkdocs", reason="needs the extra docs")
pytest.importorskip("latex2mathml", reason="needs the extra docs")

from mkdocs.exceptions import PluginError
from tools.docs_site import equations, outside


@pytest.mark.parametrize(
    ("link", "page", "target", "uri"),
    [
        ("data.md", "index.md", "docs/data.md", "data.md"),
        ("images/ctal.svg", "method.md", "docs/images/ctal.svg", "images/ctal.svg"),
        ("../CHANGELOG.md", "index.md", "CHANGELOG.md", "changelog.md"),
        ("docs/data.md", "changelog.md", "docs/data.md", "data.md"),
        ("../docs/rooms.md", "first_steps.md", "docs/rooms.md", "rooms.md"),
        ("../examples/first_steps.ipynb", "a.md", "examples/first_steps.ipynb", "first_steps.md"),
        ("../Makefile", "index.md", "Makefile", "repository/Makefile.md"),
        ("../configs/rooms", "index.md", "configs/rooms", "repository/configs/rooms.md"),
        ("docs/data.md", "repository/README.md", "docs/data.md", "data.md"),
    ],
)
def test_links_by_path_in_the_repository(link, page, target, uri):
    assert outside.repository_path(link, page) == target
    assert outside.site_uri(target) == uri


@pytest.mark.parametrize("link", ["none.md", "../../etc", "https://example.org/a.md", "../none"])
def test_links_without_a_file_in_the_repository_are_left_to_mkdocs(link):
    assert outside.repository_path(link, "index.md") is None


def test_links_are_converted_to_pages_of_the_site():
    text = "[a](../Makefile) ![b](images/ctal.svg) [c](data.md#sizes) [d](#here) [e](none.md)"
    page = SimpleNamespace(file=SimpleNamespace(src_uri="method.md"))
    turned = outside.on_page_markdown(text, page=page)
    assert turned == text.replace("../Makefile", "repository/Makefile.md")
    page = SimpleNamespace(file=SimpleNamespace(src_uri="repository/tools/x.md"))
    assert outside.on_page_markdown("[a](../docs/data.md)", page=page) == "[a](../../data.md)"


def test_a_file_is_shown_as_code_and_excluded_from_search():
    shown = outside._shown(outside.ROOT / "mkdocs.yml", "mkdocs.yml")
    assert shown.startswith("---\nsearch: {exclude: true}\n---\n# mkdocs.yml\n\n``````yaml\n")
    assert "- `ctal.yaml`" in outside._shown(outside.ROOT / "configs" / "rooms", "configs/rooms")


def test_equations_become_mathml():
    page = (
        '<p>a <span class="arithmatex">\\(x_t &lt; 1\\)</span></p>'
        '<div class="arithmatex">\\[\nA = X^\\top X\n\\]</div>'
    )
    made = equations.on_page_content(page)
    assert "arithmatex" not in made
    assert made.count("<math ") == 2
    assert "<msub><mi>x</mi><mi>t</mi></msub><mo>&#x0003C;</mo><mn>1</mn>" in made
    assert '<div class="equation"><math' in made
    assert 'display="block"' in made


def test_an_unknown_command_in_an_equation_fails_the_build():
    with pytest.raises(PluginError, match=r"unknown command '.{1,2}nonsense'"):
        equations.as_mathml(r"\nonsense{x}", "inline")
