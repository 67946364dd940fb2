"""Data of visitors: reading, storage and expiry."""

import numpy as np
import pytest
import torch
from PIL import Image

from ctal.demo import views
from ctal.demo.handlers import Handlers
from ctal.demo.visits import Visit, Visits, take_upload, visit
from ctal.errors import InputError
from ctal.inference import Model
from ctal.networks import CTALNet
from ctal.tasks import Depth, InverseDepth, SemanticSegmentation


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(4), Depth()]
    return Model(CTALNet(tasks, "test_resnet", image_size=(32, 64), channels=8))


def test_an_upload_is_read_and_removed(tmp_path):
    Image.new("RGB", (5, 4), "red").save(tmp_path / "a.png")
    assert take_upload(str(tmp_path / "a.png"), tmp_path)[:, 0, 0].tolist() == [255, 0, 0]
    assert not (tmp_path / "a.png").exists()


def test_invalid_images_are_removed_too(tmp_path):
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(InputError, match=r"^this file cannot be read as an image$"):
        take_upload(str(tmp_path / "a.png"), tmp_path)
    Image.effect_noise((50, 40), 60).save(tmp_path / "b.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes()[:500])
    with pytest.raises(InputError, match=r"^this image is damaged and cannot be read$"):
        take_upload(str(tmp_path / "b.png"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_unchanged(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    secret = tmp_path / "secret.png"
    Image.new("RGB", (5, 4)).save(secret)
    (folder / "link.png").symlink_to(secret)
    names = [secret, folder / ".." / "secret.png", folder / "link.png", folder, "", None]
    for name in names:
        with pytest.raises(InputError, match=r"^expected an uploaded image$"):
            take_upload(name if name is None else str(name), folder)
    assert secret.is_file()


def made(number, image=None):
    return Visit((number, 1), image, {}, {}, {})


def test_the_last_visits_are_kept_and_the_images_of_more():
    visits = Visits()
    for number in range(128):
        visits.put(str(number), made(number))
    visits.get("112")
    visits.get("0")
    visits.put("new", made(200))
    assert len(visits) == 128
    assert isinstance(visits.get("112"), Visit)
    assert not isinstance(visits.get("113"), Visit)
    assert visits.get("0").size == (0, 1)
    with pytest.raises(InputError, match="choose it again"):
        visits.get("1")
    visits.drop("new")
    visits.drop("never there")
    assert len(visits) == 127


def test_unused_visits_expire(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("ctal.demo.visits.time.monotonic", lambda: now[0])
    visits = Visits(age=60)
    for number in range(3):
        visits.put(str(number), made(number))
    now[0] = 50
    visits.get("1")
    visits.clear()
    assert len(visits) == 3
    now[0] = 70
    visits.clear()
    assert len(visits) == 1
    assert visits.get("1").size == (1, 1)


def test_a_visit_is_predicted_again_from_its_image(model):
    first = visit(torch.randint(0, 256, (3, 1000, 2000), dtype=torch.uint8), model, model)
    again = visit(first.image, model, model, first.size)
    assert again.size == (1000, 2000)
    for maps, others in ((first.maps, again.maps), (first.single, again.single)):
        assert all(torch.equal(maps[name], others[name]) for name in maps)
    ones, others = (
        views.explained(kept, (1999, 0), "refinement.ctal", model.tasks) for kept in (first, again)
    )
    assert ones.caption == others.caption
    assert ones.added == others.added


def test_a_large_image_is_reduced_but_pixels_refer_to_the_original(model):
    kept = visit(torch.randint(0, 256, (3, 1000, 2000), dtype=torch.uint8), model, None)
    assert kept.image.shape == (3, 320, 640)
    assert kept.maps["depth"].shape == (1, 320, 640)
    assert kept.size == (1000, 2000)
    assert views.pixel_at(kept, [639, 319]) == (1996, 996)
    assert views.pixel_at(kept, [10_000, -5]) == (1999, 0)
    found = views.explained(kept, (1999, 0), "refinement.ctal", model.tasks)
    assert "pixel x 1999, y 0</b> (2000 x 1000)" in found.caption
    direct = kept.seen["refinement.ctal"].at((15, 0))
    shown = kept.seen["refinement.ctal"].at_image((1999, 0), kept.size)
    np.testing.assert_array_equal(direct.mixed["depth"], shown.mixed["depth"])


def test_a_small_image_is_enlarged_for_display_only(model):
    kept = visit(torch.randint(0, 256, (3, 40, 60), dtype=torch.uint8), model, model)
    assert kept.maps["depth"].shape == (1, 40, 60)
    ours, others = views.visualized(kept, model.tasks)
    assert [picture.shape for picture in (*ours, *others)] == [(240, 360, 3)] * 4
    assert all(np.array_equal(a, b) for a, b in zip(ours, others, strict=True))
    assert views.pixel_at(kept, [359, 0]) == (59, 0)


def test_names_of_tasks_are_escaped(model):
    kept = visit(torch.zeros(3, 40, 60, dtype=torch.uint8), model, None)
    found = kept.seen["refinement.ctal"].at((0, 0))
    found.tasks[0] = "<i>"
    assert "<i>" not in views._bars(found, 1)


def test_only_depth_in_meters_has_a_surface(model):
    size = {"image_size": (32, 64), "channels": 8}
    other = Model(CTALNet([Depth(), InverseDepth()], "test_resnet", **size))
    assert Handlers(other, other, [], None).surfaces == ["depth", "depth, single-task"]
