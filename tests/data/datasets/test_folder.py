from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from ctal.data import (
    DenseDataModule,
    EdgesFromClasses,
    EdgesFromDepth,
    FolderDataset,
    MapFiles,
    NormalsFromDepth,
)
from ctal.data.datasets.folder import CompleteFolders
from ctal.data.names import select_fraction
from ctal.errors import InputError
from ctal.maps import ClassMap, DepthMap, EdgeMap, NormalMap
from ctal.tasks import Depth, Edges, SemanticSegmentation, SurfaceNormals


def save(path, array):
    PILImage.fromarray(array).save(path)


def test_a_folder_is_read_as_specified(open_folder):
    dataset = open_folder()
    assert len(dataset) == 3
    assert [dataset.sample_name(index) for index in range(3)] == ["a", "b", "c"]
    assert [task.name for task in dataset.tasks] == ["semseg", "depth"]
    sample = dataset[2]
    assert list(sample) == ["image", "semseg", "depth"]
    assert torch.allclose(sample["image"], torch.tensor(160 / 255), atol=0.01)
    assert isinstance(sample["semseg"], ClassMap)
    assert sample["semseg"].unique().tolist() == [2]
    assert isinstance(sample["depth"], DepthMap)
    assert sample["depth"].unique().tolist() == pytest.approx([0, 1.002])


def test_names_select_samples_and_their_order(open_folder, folder):
    (folder / "list.txt").write_text("c\n\n a \n")
    dataset = open_folder(names=folder / "list.txt")
    assert dataset.names == ["c", "a"]
    assert dataset[0]["depth"].max().item() == pytest.approx(1.002)


def test_names_may_contain_folders_at_any_position(tmp_path):
    for name in ("bonn/1", "aachen/2"):
        for kind in ("left", "gt"):
            (tmp_path / kind / name).parent.mkdir(parents=True, exist_ok=True)
            save(tmp_path / kind / f"{name}_{kind}.png", np.zeros((2, 2), np.uint8))
    (tmp_path / "left" / "bonn" / "._1_left.png").write_text("dropped by another system")
    (tmp_path / "left" / "bonn" / "1_other.png").write_text("not of the pattern")
    maps = [MapFiles(SemanticSegmentation(2), "gt/{name}_gt.png")]
    dataset = FolderDataset(tmp_path, "left/{name}_left.png", maps)
    assert dataset.names == ["aachen/2", "bonn/1"]
    assert dataset[1]["semseg"].shape == (2, 2)


@pytest.mark.parametrize("labels", [[2, None, 0], {0: 2, 1: None, 2: 0}])
def test_stored_values_are_mapped_to_classes(open_folder, labels):
    maps = [MapFiles(SemanticSegmentation(3), "classes/{name}.png", labels=labels)]
    dataset = open_folder(maps=maps)
    got = [dataset[index]["semseg"].unique().tolist() for index in range(3)]
    assert got == [[2], [255], [0]]


def test_a_value_without_a_class_is_an_error_unless_ignored(open_folder, folder):
    semseg = SemanticSegmentation(3)
    dataset = open_folder(maps=[MapFiles(semseg, "classes/{name}.png", labels={0: 0, 1: 1})])
    with pytest.raises(InputError, match=r"c\.png: expected a value listed in `labels`, got 2"):
        dataset[2]
    files = MapFiles(semseg, "classes/{name}.png", labels={0: 0, 1: 1}, ignore=[2])
    assert open_folder(maps=[files])[2]["semseg"].unique().tolist() == [255]


def test_values_without_a_class_are_all_listed(tmp_path):
    PILImage.fromarray(np.arange(30, dtype=np.uint8).reshape(5, 6)).save(tmp_path / "i.png")
    files = MapFiles(SemanticSegmentation(3), "{name}.png", labels={0: 0, 2: 1})
    with pytest.raises(InputError, match=r"got 1, 3, 4, 5, .*20, 21 and 8 more; give"):
        FolderDataset(tmp_path, "{name}.png", maps=[files])[0]


def test_ignored_values_are_unlabelled_in_every_type(tmp_path):
    save(tmp_path / "i.png", np.zeros((1, 3, 3), np.uint8))
    np.save(tmp_path / "i_c.npy", np.array([[-1, 0, 1]], np.int8))
    np.save(tmp_path / "i_d.npy", np.array([[np.nan, 9.0, 1.5]], np.float32))
    np.save(tmp_path / "i_n.npy", np.array([[[-7, -7, -7], [0, 0, -1], [0, 1, 0]]], np.float32))
    maps = [
        MapFiles(SemanticSegmentation(2), "{name}_c.npy", ignore=[-1]),
        MapFiles(Depth(), "{name}_d.npy", scale=2, ignore=[float("nan"), 9]),
        MapFiles(SurfaceNormals(), "{name}_n.npy", ignore=[-7]),
    ]
    sample = FolderDataset(tmp_path, "{name}.png", maps)[0]
    assert sample["semseg"].tolist() == [[255, 0, 1]]
    assert sample["depth"].tolist() == [[[0, 0, 3]]]
    assert sample["normals"][:, 0].T.tolist() == [[0, 0, 0], [0, 0, -1], [0, 1, 0]]


def test_invalid_values_are_reported_with_the_file(open_folder, folder):
    dataset = open_folder()
    picture = folder / "image" / "a.jpg"
    whole = picture.read_bytes()
    picture.write_bytes(whole[:-20])
    with pytest.raises(InputError, match=r"image/a\.jpg: cannot be read as an image"):
        dataset[0]
    picture.write_bytes(whole)
    save(folder / "classes" / "a.png", np.full((4, 6), 3, np.uint8))
    with pytest.raises(InputError, match=r"classes/a\.png: semseg: expected class ids 0\.\.2"):
        dataset[0]
    save(folder / "classes" / "a.png", np.zeros((4, 6, 3), np.uint8))
    with pytest.raises(InputError, match=r"classes/a\.png: expected one value .*, list them in"):
        dataset[0]
    save(folder / "classes" / "a.png", np.zeros((4, 7), np.uint8))
    with pytest.raises(InputError, match=r"classes/a\.png: expected 4x6 .*image/a\.jpg, got 4x7"):
        dataset[0]
    assert dataset[1]["image"].shape == (3, 4, 6)  # the other samples are still valid


@pytest.mark.filterwarnings("error")  # a warning would be printed as a second line
@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5, 1e300])
def test_an_invalid_depth_is_reported_with_the_file(tmp_path, value):
    save(tmp_path / "i.png", np.zeros((1, 2, 3), np.uint8))
    np.save(tmp_path / "i.npy", np.array([[1, value]]))
    dataset = FolderDataset(tmp_path, "{name}.png", [MapFiles(Depth(), "{name}.npy")])
    with pytest.raises(InputError, match=r"i\.npy: depth: expected meters"):
        dataset[0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, 1e300])
def test_invalid_class_ids_and_normals_are_reported_with_the_file(tmp_path, value):
    save(tmp_path / "i.png", np.zeros((1, 2, 3), np.uint8))
    np.save(tmp_path / "i_c.npy", np.array([[1, value]]))
    np.save(tmp_path / "i_n.npy", np.array([[[0, 0, -1], [0, 0, value]]]))
    maps = [
        (MapFiles(SemanticSegmentation(2), "{name}_c.npy"), r"i_c\.npy: (semseg: )?expected class"),
        (MapFiles(SurfaceNormals(), "{name}_n.npy"), r"i_n\.npy: normals: expected vectors"),
    ]
    for files, message in maps:
        with pytest.raises(InputError, match=message):
            FolderDataset(tmp_path, "{name}.png", [files])[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": "image/a.jpg"}, "image: expected a path with {name} or other fields"),
        ({"image": "image/{name}.bmp"}, "image: expected images .*found none"),
        (
            {"image": "nowhere/{name}.jpg"},
            "image: expected images .*nowhere.*found none; there is no folder .*/nowhere, check",
        ),
        ({"maps": []}, "maps: expected tasks with different names"),
        ({"names": "none.txt"}, "names: expected a text file, got none.txt"),
    ],
)
def test_invalid_arguments_are_refused_on_construction(open_folder, changes, message):
    with pytest.raises(InputError, match=message):
        open_folder(**changes)


def test_a_task_cannot_be_both_stored_and_derived_or_repeated(open_folder):
    depth = MapFiles(Depth(), "depth/{name}.png")
    with pytest.raises(InputError, match=r"different names, got \['depth', 'depth'\]"):
        open_folder(maps=[depth, depth])
    with pytest.raises(InputError, match="labels or a scale"):
        MapFiles(SemanticSegmentation(2), "{name}.png", labels=[0, 1], scale=2)
    with pytest.raises(InputError, match="files of depth: expected a path"):
        MapFiles(Depth(), "*.png")


def test_missing_folders_and_files_are_reported(open_folder, folder):
    with pytest.raises(InputError, match="root: expected a folder, got /nowhere"):
        FolderDataset("/nowhere", "{name}.png", [MapFiles(Depth(), "{name}.npy")])
    (folder / "list.txt").write_text("a\nx\n")
    with pytest.raises(InputError, match=r"image/x\.jpg: expected a file for each sample, 1 of 2"):
        open_folder(names=folder / "list.txt")
    for name in "bc":
        (folder / "depth" / f"{name}.png").unlink()
    with pytest.raises(InputError, match=r"depth/b\.png: expected a file for each sample, 2 of 3"):
        open_folder()
    (folder / "image" / "a.jpg").unlink()
    (folder / "image" / "a.jpg").symlink_to("nowhere")
    with pytest.raises(InputError, match=r"image/a\.jpg: expected a file for each sample, 1 of 3"):
        open_folder()


def test_a_missing_image_of_complete_folders_is_reported(folder):
    maps = [MapFiles(Depth(), "depth/{name}.png"), MapFiles(Edges(), "edges/{name}.png")]
    (folder / "image" / "b.jpg").unlink()
    assert FolderDataset(folder, "image/{name}.jpg", maps[:1]).names == ["a", "c"]
    with pytest.raises(InputError, match=r"image/b\.jpg: expected a file for each sample, 1 of 3"):
        CompleteFolders(folder, "image/{name}.jpg", maps[:1])
    with pytest.raises(InputError, match=r"image/b\.jpg: expected a file"):
        CompleteFolders(folder, "image/{name}.jpg", maps)


def test_an_invalid_list_of_names_is_refused(open_folder, folder):
    (folder / "list.txt").write_text("a\nb\na\n")
    with pytest.raises(InputError, match=r"list\.txt: .*got a twice"):
        open_folder(names=folder / "list.txt")
    (folder / "list.txt").write_text("\n")
    with pytest.raises(InputError, match=r"list\.txt: .*got none"):
        open_folder(names=folder / "list.txt")


def test_numbers_are_scaled_shifted_and_inverted(tmp_path):
    save(tmp_path / "i.jpg", np.zeros((1, 4, 3), np.uint8))
    save(tmp_path / "i.png", np.array([[0, 1, 129, 257]], np.uint16))
    files = MapFiles(Depth(), "{name}.png", scale=1 / 256, offset=-1 / 256, ignore=[0], bits=16)
    straight = FolderDataset(tmp_path, "{name}.jpg", [files])
    assert straight[0]["depth"].tolist() == [[[0, 0, 0.5, 1]]]
    inverse = FolderDataset(tmp_path, "{name}.jpg", [replace(files, invert=True)])
    # ignored; infinitely far, so the inverse is 0; 1 / 0.5; 1 / 1
    assert inverse[0]["depth"].tolist() == [[[0, 0, 2, 1]]]


def test_normals_may_be_stored_as_colors(tmp_path):
    save(tmp_path / "i.jpg", np.zeros((1, 3, 3), np.uint8))
    colours = np.array([[[255, 128, 128], [128, 128, 255], [128, 128, 128]]], np.uint8)
    save(tmp_path / "i.png", colours)
    step = 2 / 255
    scale, offset = [step, -step, -step], [-1.0, 1.0, 1.0]
    files = MapFiles(SurfaceNormals(), "{name}.png", scale=scale, offset=offset, ignore=[128])
    normals = FolderDataset(tmp_path, "{name}.jpg", [files])[0]["normals"]
    small = 1 - 256 / 255  # of 128, which is the nearest to 0
    assert np.allclose(normals[:, 0].T, [[1, small, small], [-small, small, -1], [0, 0, 0]])
    wrong = FolderDataset(tmp_path, "{name}.jpg", [replace(files, scale=[step, step])])
    with pytest.raises(InputError, match=r"i\.png: scale: expected a number for each channel"):
        wrong[0]


def test_depth_with_other_bits_or_a_palette_is_refused(open_folder, folder):
    files = MapFiles(Depth(), "depth/{name}.png", scale=0.001, bits=16)
    dataset = open_folder(maps=[files])
    assert dataset[0]["depth"].max().item() == pytest.approx(1.0)
    save(folder / "depth" / "a.png", np.full((4, 6), 200, np.uint8))
    with pytest.raises(InputError, match=r"depth/a\.png: expected an image of 16 bits, got 8"):
        dataset[0]
    palette = PILImage.fromarray(np.full((4, 6), 200, np.uint8))
    palette.putpalette([7] * 768)
    palette.save(folder / "depth" / "a.png")
    with pytest.raises(InputError, match=r"depth/a\.png: expected gray .*, got a palette"):
        open_folder()[0]
    with pytest.raises(InputError, match="depth: bits: expected 8 or 16, got 12"):
        MapFiles(Depth(), "{name}.png", bits=12)


def test_some_samples_may_lack_a_map(open_folder, folder):
    (folder / "classes" / "b.png").unlink()
    maps = [
        MapFiles(SemanticSegmentation(3), "classes/{name}.png", optional=True),
        MapFiles(Depth(), "depth/{name}.png", scale=0.001),
    ]
    dataset = open_folder(maps=maps, derived=[EdgesFromClasses()])
    assert list(dataset[1]) == ["image", "depth"]
    assert list(dataset[0]) == ["image", "semseg", "depth", "edges"]
    for path in (folder / "classes").iterdir():
        path.unlink()
    with pytest.raises(
        InputError, match=r"classes/a\.png: expected a file for at least one sample, "
    ):
        open_folder(maps=maps)


def test_maps_are_derived_from_others(open_folder, folder):
    save(folder / "classes" / "a.png", np.array([[0, 0, 0, 1, 1, 1]] * 4, np.uint8))
    depth = np.full((4, 6), 1000, np.uint16)
    depth[:, 4:] = 2000
    save(folder / "depth" / "a.png", depth)
    derived = [
        NormalsFromDepth(fx=6.0, fy=6.0, cx=2.5, cy=1.5, radius=1),
        EdgesFromClasses(),
        EdgesFromDepth(task=Edges(name="contours")),
    ]
    dataset = open_folder(derived=derived)
    names = ["semseg", "depth", "normals", "edges", "contours"]
    assert [task.name for task in dataset.tasks] == names
    sample = dataset[0]
    assert list(sample) == ["image", *names]
    assert np.allclose(sample["normals"].permute(1, 2, 0), [0, 0, -1], atol=1e-4)
    assert sample["edges"].tolist() == [[0, 0, 1, 0, 0, 0]] * 4
    assert sample["contours"].tolist() == [[0, 0, 0, 1, 0, 0]] * 4
    assert [type(sample[name]) for name in names[2:]] == [NormalMap, EdgeMap, EdgeMap]


@pytest.mark.parametrize(
    ("derived", "message"),
    [
        (EdgesFromDepth(source="meters"), "DepthMap among the maps semseg, depth, got"),
        (EdgesFromDepth(source="semseg"), "edges: expected a source with a DepthMap .*'semseg'"),
        (EdgesFromClasses(source="depth"), "edges: expected a source with a ClassMap .*'depth'"),
        (EdgesFromClasses(task=Depth()), r"different names, got \['semseg', 'depth', 'depth'\]"),
    ],
)
def test_a_derived_map_requires_its_source(open_folder, derived, message):
    with pytest.raises(InputError, match=message):
        open_folder(derived=[derived])


def test_normals_are_derived_within_the_measured_region(open_folder):
    camera = {"fx": 6.0, "fy": 6.0, "cx": 2.5, "cy": 1.5, "radius": 1}
    derived = NormalsFromDepth(**camera, within=(1, 4, 2, 5))
    known = open_folder(derived=[derived])[0]["normals"].any(dim=0)
    expected = torch.zeros(4, 6, dtype=torch.bool)
    expected[1:4, 2:5] = True
    assert torch.equal(known.as_subclass(torch.Tensor), expected)
    with pytest.raises(InputError, match="within: expected top < bottom and left < right"):
        NormalsFromDepth(**camera, within=(4, 4, 0, 2))


def test_intrinsics_are_checked():
    with pytest.raises(InputError, match="camera: expected finite fx, fy > 0"):
        NormalsFromDepth(fx=0.0, fy=6.0, cx=2.5, cy=1.5)
    with pytest.raises(InputError, match=r"normals: expected the camera's fx, .* cx: None, cy: 1"):
        NormalsFromDepth(fx=6.0, fy=6.0, cy=1.5)


@pytest.mark.parametrize("seed", [None, 0, 7])
def test_adjacent_fractions_do_not_overlap(open_folder, seed):
    edges = [0, 0.3, 0.6, 1]
    parts = [open_folder(fraction=(begin, end), seed=seed).names for begin, end in pairwise(edges)]
    assert sorted(name for part in parts for name in part) == ["a", "b", "c"]
    assert [len(part) for part in parts] == [1, 1, 1]
    if seed is None:
        assert parts == [["a"], ["b"], ["c"]]


def test_a_seed_shuffles_and_keeps_the_order_of_names():
    names = [f"{i:03d}" for i in range(100)]
    drawn = select_fraction(names, (0, 0.5), seed=0)
    assert len(drawn) == 50
    assert drawn == sorted(drawn) != names[:50]
    assert (
        drawn
        == select_fraction(names, (0, 0.5), seed=0)
        != select_fraction(names, (0, 0.5), seed=1)
    )


@pytest.mark.parametrize(
    ("fraction", "seed", "message"),
    [
        ((0.5, 0.5), None, r"fraction: expected \[begin, end\] with 0 <= begin < end <= 1"),
        ((-0.1, 0.5), None, "fraction: expected"),
        ((0, 1.1), 0, "fraction: expected"),
        ((0, 0.1), 0, "fraction: expected at least one of the 3 samples of .*, got"),
        ((0, 1), -1, "seed: expected an integer >= 0"),
    ],
)
def test_an_empty_or_invalid_fraction_is_refused(open_folder, fraction, seed, message):
    with pytest.raises(InputError, match=message):
        open_folder(fraction=fraction, seed=seed)


def test_a_missing_map_of_an_unused_fraction_is_ignored(open_folder, folder):
    (folder / "depth" / "c.png").unlink()
    assert open_folder(fraction=(0, 0.6)).names == ["a", "b"]


def test_labels_cannot_be_combined_with_a_scale():
    for change in ({"offset": 1.0}, {"invert": True}, {"scale": [1.0, 2.0]}):
        with pytest.raises(InputError, match=r"labels or a scale \(offset, invert\), got both"):
            MapFiles(SemanticSegmentation(2), "{name}.png", labels=[0, 1], **change)


def rename(folder, changes):
    for old, new in changes.items():
        (folder / old).rename(folder / new)


def test_images_of_several_formats_are_all_read(open_folder, folder):
    rename(folder, {"image/b.jpg": "image/b.JPG"})
    save(folder / "image" / "c.png", np.full((4, 6, 3), 160, np.uint8))
    (folder / "image" / "c.jpg").unlink()
    for image in ("image/{name}.*", ["image/{name}.jpg", "image/{name}.PNG"]):
        dataset = open_folder(image=image)
        assert dataset.names == ["a", "b", "c"]
        assert dataset[2]["image"].mean().item() == pytest.approx(160 / 255)
        assert dataset.unused_files() == []


def test_maps_of_several_formats_are_all_read(open_folder, folder):
    np.save(folder / "depth" / "B.npy", np.full((4, 6), 1001, np.uint16))
    rename(folder, {"depth/B.npy": "depth/b.NPY", "depth/c.png": "depth/c.PNG"})
    (folder / "depth" / "b.png").unlink()
    for files in ("depth/{name}.*", ["depth/{name}.npy", "depth/{name}.png"]):
        dataset = open_folder(maps=[MapFiles(Depth(), files, scale=0.001)])
        found = [dataset[index]["depth"].max().item() for index in range(3)]
        assert found == pytest.approx([1.0, 1.001, 1.002])


@pytest.mark.parametrize("kind", ["image", "depth"])
def test_a_sample_with_two_files_is_refused(open_folder, folder, kind):
    ending = {"image": "jpg", "depth": "png"}[kind]
    (folder / kind / "b.tif").write_bytes((folder / kind / f"b.{ending}").read_bytes())
    maps = [MapFiles(Depth(), "depth/{name}.*")]
    message = rf"{kind}/b\.{ending}: expected one file for the sample 'b', got also .*b\.tif"
    with pytest.raises(InputError, match=message):
        open_folder(image="image/{name}.*", maps=maps)


def test_files_that_no_sample_uses_are_reported(open_folder, folder):
    rename(folder, {"image/b.jpg": "image/b.jpeg"})
    (folder / "image" / "d.HEIC").touch()
    (folder / "depth" / "c.tiff").touch()
    for other in ("image/readme.txt", "image/.hidden.jpg", "depth/list.csv"):
        (folder / other).touch()
    found = {str(path.relative_to(folder)): why for path, why in open_folder().unused_files()}
    orphan, stray = "a map without an image", "matches no pattern"
    assert found == {
        "classes/b.png": orphan,
        "depth/b.png": orphan,
        "image/b.jpeg": stray,
        "image/d.HEIC": stray,
        "depth/c.tiff": stray,
    }
    # regardless of the selected samples
    assert len(open_folder(fraction=(0, 0.5)).unused_files()) == 5


def test_images_and_maps_in_one_folder_are_used(tmp_path):
    save(tmp_path / "a.jpg", np.zeros((2, 2, 3), np.uint8))
    save(tmp_path / "a.png", np.ones((2, 2), np.uint8))
    dataset = FolderDataset(tmp_path, "{name}.jpg", [MapFiles(Depth(), "{name}.png")])
    assert dataset.unused_files() == []


def test_an_image_with_another_ending_is_suggested(open_folder):
    with pytest.raises(InputError, match=r"found none; there is .*a\.jpg \(`\{name\}\.\*` matches"):
        open_folder(image="image/{name}.png")


def test_training_warns_about_unused_files_once(open_folder, folder):
    rename(folder, {"image/b.jpg": "image/b.jpeg"})
    message = (
        r"data\.train: 3 files not used that may be .*classes/b\.png; `ctal data check` lists them"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        DenseDataModule(open_folder(), val=open_folder())
    assert len(caught) == 1
