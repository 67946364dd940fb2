"""The line about configurations from elsewhere."""

from ctal.config.foreign import warn_of_foreign


def test_files_outside_of_the_current_directory_are_named_once(tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    other = tmp_path / "other.yaml"
    (tmp_path / "here" / "link.yaml").symlink_to(other)
    other.write_text("")
    (tmp_path / "here" / "own.yaml").write_text("")
    own = [tmp_path / "here" / "own.yaml", tmp_path / "here" / ".." / "here" / "own.yaml"]
    warn_of_foreign(own)
    assert capsys.readouterr().err == ""
    warn_of_foreign([*own, other, tmp_path / "here" / "link.yaml"])
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert str(other) in told
    assert "link.yaml" in told
    assert "own.yaml" not in told
