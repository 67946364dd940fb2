"""The samples of folders: those that are found, those of a list, and those with all maps."""

from __future__ import annotations

from collections.abc import Sequence

from ctal.data.folder_files import FolderFiles
from ctal.errors import InputError
from ctal.io.formats import looks_like_image


def found_names(images: FolderFiles, maps: Sequence[FolderFiles]) -> list[str]:
    """Return the sorted names of all files of the given kinds.

    Raises:
        InputError: No file is found.
    """
    names = {name for files in (images, *maps) for name in files.found}
    if not names:
        hint = ""
        if near := [path for path in images.others if looks_like_image(path)]:
            hint = f"; there is {near[0]} (`{{name}}.*` matches all formats)"
        elif missing := images.missing_folder():
            hint = f"; there is no folder {missing}, check the pattern"
        raise InputError(f"image: expected images {images}, found none{hint}")
    return sorted(names)


def names_in_folders(listed: Sequence[str], found: Sequence[str]) -> list[str]:
    """Replace each folder in a list of names by the names of the samples in it.

    Lists of published splits often name scenes. An entry that is neither a sample nor a folder
    stays, so that it is reported as missing.

    Args:
        listed: Names of samples, or the first parts of such names, up to a slash.
        found: The names of all samples.
    """
    known = set(found)
    inside: dict[str, list[str]] = {}
    for name in found:
        parts = name.split("/")
        for end in range(1, len(parts)):
            inside.setdefault("/".join(parts[:end]), []).append(name)
    names: list[str] = []
    for entry in listed:
        names += [entry] if entry in known else inside.get(entry.rstrip("/"), [entry])
    return list(dict.fromkeys(names))


def complete_names(names: Sequence[str], maps: Sequence[FolderFiles]) -> list[str]:
    """Return the names of the samples that have a file of every kind.

    Raises:
        InputError: No sample has.
    """
    complete = [name for name in names if all(files.key(name) in files.found for files in maps)]
    if not complete:
        kinds = ", ".join(map(str, maps))
        raise InputError(
            f"skip_incomplete: expected samples with all maps, {kinds}, got none of the "
            f"{len(names)} samples"
        )
    return complete
