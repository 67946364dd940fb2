"""Small files of NYUv2 in the layout with images of 288x384."""

from PIL import Image


def write_small_nyuv2(folder, number, image, depth, labels):
    """Write the sample with an official number into the folder of its split.

    Depth is in units of 4 mm, uint16; labels are 0..40, uint8.
    """
    for kind, ending, array in (
        ("image", "jpg", image),
        ("depth", "png", depth),
        ("label40", "png", labels),
    ):
        file = folder / kind / f"{number:04}.{ending}"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(file)
