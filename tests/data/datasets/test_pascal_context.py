"""PASCAL-Context's five tasks, with small files in the real encodings."""

import numpy as np
import pytest
import torch
from scipy.io import savemat
from tests.data.datasets.small_pascal_context import (
    FIRST,
    SECOND,
    SHAPE,
    mask,
    save,
    save_parts,
    stored_normals,
    thing,
    write_pascal_context,
)

from ctal.cli import main
from ctal.data import DenseDataModule, PASCALContext
from ctal.errors import InputError
from ctal.maps import ClassMap, EdgeMap, NormalMap

HERE = ["--data.train=ctal.data.PASCALContext", "--data.train.root=.", "--data.train.split=train"]


@pytest.fixture
def root(tmp_path):
    return write_pascal_context(tmp_path)


def test_values_of_all_five_tasks_are_exact(root):
    dataset = PASCALContext(root, "train")
    assert [dataset.sample_name(i) for i in range(2)] == [FIRST, SECOND]
    names = ["semseg", "human_parts", "saliency", "normals", "edges"]
    assert [task.name for task in dataset.tasks] == names
    assert [task.channels for task in dataset.tasks] == [21, 7, 2, 3, 1]
    sample = dataset[0]
    assert list(sample) == ["image", *names]
    assert torch.allclose(sample["image"], torch.tensor(0.4), atol=0.01)
    assert sample["semseg"][2].tolist() == [0, 0, 15, 255, 0, 0, 0, 0]
    assert sample["saliency"][0].tolist() == [0, 0, 1, 1] * 2
    expected = np.zeros(SHAPE, int)
    expected[0, :2], expected[1:3, :2], expected[3, 0] = 1, 2, 6
    assert np.array_equal(sample["human_parts"].numpy(), expected)
    assert sample["edges"].tolist() == [[1] * 8] + [[0] * 8] * 5
    types = [ClassMap, ClassMap, ClassMap, NormalMap, EdgeMap]
    assert [type(sample[name]) for name in names] == types


def test_normals_have_the_expected_axes_and_are_limited_to_some_classes(root):
    normals = PASCALContext(root, "train", tasks=["normals"])[0]["normals"]
    vectors = normals.permute(1, 2, 0).numpy()
    assert not vectors[0].any()  # sky
    # estimated: all three axes are stored in the opposite direction
    assert np.allclose(vectors[1:], -stored_normals()[1][1:], atol=0.01)
    assert np.allclose(np.linalg.norm(vectors[1:], axis=-1), 1, atol=1e-6)
    given = PASCALContext(root, "train", tasks=["normals"], normal_axes=(1, -1, -1))[0]["normals"]
    assert torch.allclose(given[0], -normals[0], atol=1e-6)


def test_an_image_without_people_lacks_the_map(root):
    assert "human_parts" not in PASCALContext(root, "train")[1]
    (root / "human_parts" / f"{SECOND}.mat").unlink()
    dataset = PASCALContext(root, "train")
    assert "human_parts" not in dataset[1]
    module = DenseDataModule(dataset, image_size=(12, 16), batch_size=2)
    batch = next(iter(module.train_dataloader()))
    unlabelled = [(parts == 255).all().item() for parts in batch["human_parts"]]
    assert sorted(unlabelled) == [False, True]


def test_labels_of_voc_take_precedence_over_those_of_context(root):
    dataset = PASCALContext(root, "train", tasks=["semseg"])
    assert dataset[0]["semseg"].max() == 255  # those of pascal-context are all 0
    (root / "semseg" / "VOC12" / f"{FIRST}.png").unlink()
    assert PASCALContext(root, "train", tasks=["semseg"])[0]["semseg"].max() == 0
    (root / "semseg" / "pascal-context" / f"{FIRST}.png").unlink()
    with pytest.raises(InputError, match=r"pascal-context/2008_000002\.png: expected a file"):
        PASCALContext(root, "train", tasks=["semseg"])


def test_other_encodings_are_reported(root):
    def read(task):
        return PASCALContext(root, "train", tasks=[task], normal_axes=(1, 1, 1))[0]

    path = root / "sal_distill" / f"{FIRST}.png"
    save(path, np.zeros(SHAPE, np.uint8), palette=True)
    with pytest.raises(
        InputError, match=r"sal_distill/.*: expected gray values, got a palette image"
    ):
        read("saliency")
    save(path, np.zeros(SHAPE, np.uint16))
    with pytest.raises(InputError, match=r"sal_distill/.*: expected an image of 8 bits, got 16"):
        read("saliency")
    save(path, np.zeros((*SHAPE, 3), np.uint8))
    with pytest.raises(InputError, match=r"sal_distill/.*: expected one value per pixel"):
        read("saliency")
    save(root / "semseg" / "VOC12" / f"{FIRST}.png", np.full(SHAPE, 21, np.uint8))
    with pytest.raises(InputError, match=r"VOC12/.*: semseg: expected class ids 0\.\.20"):
        read("semseg")
    save(root / "normals_distill" / f"{FIRST}.png", np.zeros(SHAPE, np.uint8))
    with pytest.raises(InputError, match=r"normals_distill/.*: expected RGB \(6, 8, 3\)"):
        read("normals")
    savemat(
        root / "pascal-context" / "trainval" / f"{FIRST}.mat", {"LabelMap": np.ones((3, 3), "u2")}
    )
    with pytest.raises(InputError, match=r"2008_000002\.mat: expected 6x8 .*, got 3x3"):
        read("edges")


def test_parts_in_another_format_are_reported(root):
    path = root / "human_parts" / f"{FIRST}.mat"
    tail = thing("person", 15, [("tail", mask(0, 0))])
    save_parts(path, [tail])
    with pytest.raises(InputError, match=r"human_parts/.*expected anno\.objects .*'tail'"):
        PASCALContext(root, "train", tasks=["human_parts"])[0]
    unnamed = thing("person", 15, [("head", mask(0, 0))]) | {"class_ind": "person"}
    several = thing("person", 15, [("head", mask(0, 0))]) | {"class_ind": np.array([15.0, 15.0])}
    for wrong in (unnamed, several):
        save_parts(path, [wrong])
        with pytest.raises(InputError, match=r"human_parts/.*expected anno\.objects"):
            PASCALContext(root, "train", tasks=["human_parts"])[0]
    savemat(path, {"anno": np.ones(3)})
    with pytest.raises(InputError, match=r"human_parts/.*expected anno\.objects"):
        PASCALContext(root, "train", tasks=["human_parts"])[0]
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"human_parts/.*expected a readable \.mat file"):
        PASCALContext(root, "train", tasks=["human_parts"])[0]


def test_check_lists_all_missing_and_broken_files(root, monkeypatch, capsys):
    others = ["2010_000001", "2010_000002", "2010_000003"]
    kinds = ["JPEGImages", "semseg/VOC12", "sal_distill", "normals_distill", "human_parts"]
    for kind in [*kinds, "pascal-context/trainval"]:
        source = next((root / kind).glob(f"{FIRST}.*"))
        for name in others:
            (source.parent / f"{name}{source.suffix}").write_bytes(source.read_bytes())
    names = [FIRST, SECOND, *others]
    (root / "ImageSets" / "Context" / "train.txt").write_text("\n".join(names))
    spoilt = [
        f"JPEGImages/{FIRST}.jpg",
        f"sal_distill/{SECOND}.png",
        f"pascal-context/trainval/{others[0]}.mat",
        f"normals_distill/{others[1]}.png",
    ]
    for place in spoilt[:3]:
        (root / place).unlink()
    (root / spoilt[3]).write_bytes(b"half")
    (root / "human_parts" / f"{others[2]}.mat").unlink()  # an image without people
    monkeypatch.chdir(root)
    assert main(["data", "check", *HERE, "--workers=0"]) == 1
    out = capsys.readouterr().out
    problems = [line for line in out.splitlines() if line.startswith("- ")]
    for line, name, place in zip(problems, names, spoilt, strict=False):
        assert line.startswith(f"- {name}: {place}: ")
    assert len(problems) == 4
    assert main(["data", "stats", *HERE, "--workers=0"]) == 2
    assert (
        f"JPEGImages/{FIRST}.jpg: expected a file for each sample, 1 of 5 missing"
        in capsys.readouterr().err
    )


def test_a_dataset_without_any_parts_is_reported_as_missing(root, monkeypatch, capsys):
    for path in (root / "human_parts").iterdir():
        path.unlink()
    monkeypatch.chdir(root)
    assert main(["data", "check", *HERE, "--workers=0"]) == 1
    line = f"cannot be opened: human_parts/{FIRST}.mat: expected a file for at least one sample, "
    assert line in capsys.readouterr().out
    tasks = ["semseg", "saliency", "normals", "edges"]
    assert len(PASCALContext(root, "train", tasks=tasks)) == 2


def test_missing_files_and_lists_are_reported(root):
    with pytest.raises(InputError, match="root: nowhere is not a directory"):
        PASCALContext("nowhere", "train")
    with pytest.raises(InputError, match="normal_axes: expected 1 or -1"):
        PASCALContext(root, "train", normal_axes=(0, 1, 1))
    classes = root / "pascal-context" / "trainval" / f"{SECOND}.mat"
    content = classes.read_bytes()
    classes.unlink()
    with pytest.raises(InputError, match=rf"trainval/{SECOND}\.mat: .*each sample, 1 of . missing"):
        PASCALContext(root, "train", tasks=["normals"])
    classes.write_bytes(content)
    (root / "normals_distill" / f"{SECOND}.png").unlink()
    with pytest.raises(
        InputError, match=rf"normals_distill/{SECOND}\.png: .*each sample, 1 of . miss"
    ):
        PASCALContext(root, "train")
    assert len(PASCALContext(root, "train", fraction=(0, 0.5))) == 1
    with pytest.raises(InputError, match="split: expected train or val, got 'test'"):
        PASCALContext(root, "test")
    (root / "ImageSets" / "Context" / "val.txt").unlink()
    with pytest.raises(InputError, match=r"names: expected a text file, got .*Context/val\.txt"):
        PASCALContext(root, "val")
