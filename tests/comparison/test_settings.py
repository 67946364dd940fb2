import pytest

from ctal.comparison.settings import import_classes
from ctal.errors import InputError


@pytest.mark.parametrize("path", ["no_such_module.Net", "Net", "ctal.no_such_module.Net"])
def test_a_missing_module(path):
    settings = {"model": {"network": {"class_path": path}}, "seed_everything": 0}
    with pytest.raises(InputError, match=f"class_path: '{path}' cannot be imported .*; run the"):
        import_classes(settings)


def test_classes_in_lists_are_imported():
    import_classes({"data": {"augmentation": [{"class_path": "json.decoder.JSONDecoder"}]}})
    with pytest.raises(InputError):
        import_classes({"data": {"augmentation": [{"class_path": "no_such_module.Flip"}]}})
