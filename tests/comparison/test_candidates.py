import json
from pathlib import Path

import pytest
import yaml

from ctal.comparison.candidates import Plan, candidates, check_same_data
from ctal.config.files import read_config
from ctal.errors import InputError
from ctal.evaluation.protocol import Protocol


def found_in(sources, reference=None, split="test", seeds=(0,)):
    return candidates(sources, reference, Plan(Path("out"), seeds, [], split))


def check(sources, split="test"):
    """Run the checks of `ctal compare` before training."""
    found = found_in(sources, split=split)
    check_same_data({candidate.source: candidate.settings() for candidate in found}, split)


def rewrite(source, target, change):
    content = yaml.safe_load(Path(source).read_text())
    change(content)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(yaml.safe_dump(content))


def finished(folder, seed=0, **model):
    """Write the files of a finished run that are read before evaluation."""

    def change(content):
        content["seed_everything"] = seed
        content["model"] |= model

    folder = Path(folder)
    rewrite("shared.yaml", folder / "config.yaml", change)
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "best.ckpt").touch()
    (folder / "scores_val.json").write_text(json.dumps({"checkpoint": None, "scores": {}}))
    return folder


def test_the_reference_is_first(configs):
    assert [c.name for c in found_in(configs)] == ["shared", "single"]
    assert [c.name for c in found_in(configs, "single")] == ["single", "shared"]


def test_one_run_per_seed(configs):
    (candidate,) = found_in(["single.yaml"], seeds=[3, 1, 3])
    assert [run.name for run in candidate.runs] == ["single/seed3", "single/seed1"]
    assert [str(run.folder) for run in candidate.runs] == ["out/single/seed3", "out/single/seed1"]


def test_run_folders(configs):
    finished("runs/mine/first", 7)
    finished("runs/mine/second", 2)
    single, both, one = found_in(["single.yaml", "runs/mine", "runs/mine/first/"], "single")
    assert (both.name, [run.seed for run in both.runs]) == ("mine", [2, 7])
    assert (one.name, [run.seed for run in one.runs]) == ("first", [7])
    assert [run.next_command()[0] for run in (*both.runs, *one.runs)] == ["test"] * 3
    assert single.runs[0].next_command()[0] == "fit"
    assert [run.settings()["seed_everything"] for run in both.runs] == [2, 7]
    (scored_on_val,) = found_in(["runs/mine/first"], split="val")[0].runs
    assert scored_on_val.next_command()[0] == "validate"


@pytest.mark.parametrize(
    ("sources", "reference", "split", "seeds", "message"),
    [
        (["single.yaml", "none.yaml"], None, "test", [0], r"none\.yaml: expected a configuration"),
        (["single.yaml", "./single.yaml"], None, "test", [0], "configs: expected different names"),
        (["single.yaml", "runs/single"], None, "test", [0], "configs: expected different names"),
        (["single.yaml"], "other", "test", [0], "reference: expected one of single, got 'other'"),
        (["single.yaml"], None, "train", [0], "split: expected test or val, got 'train'"),
        (["twice"], None, "test", [0, 1], "seeds: expected none, since folders of finished runs"),
        (["single.yaml"], None, "test", [0, -1], r"seeds: .* in 0\.\.4294967295, got -1"),
        (["list.yaml"], None, "test", [0], r"list\.yaml: expected a mapping"),
        (["broken.yaml"], None, "test", [0], r"broken\.yaml: not a configuration in YAML"),
        (["runs/empty"], None, "test", [0], "runs/empty: expected a run folder"),
        (["runs/stopped"], None, "test", [0], r"stopped: .* scores_val.json was not found; finish"),
        (["runs/young"], None, "test", [0], r"young: .* checkpoints/best.ckpt was not found; fin"),
        (["runs/seedless"], None, "test", [0], r"seedless/config.yaml: expected a seed_everything"),
        (["mixed"], None, "test", [0], "mixed: .* but a and b differ in model"),
        (
            ["twice"],
            None,
            "test",
            [0],
            "twice: .* with different seeds, got the seeds 4, 4",
        ),
    ],
)
def test_invalid_candidates(configs, sources, reference, split, seeds, message):
    Path("list.yaml").write_text("- 1\n- 2\n")
    Path("broken.yaml").write_text("a: [1\nb: {")
    Path("runs/empty").mkdir(parents=True)
    finished("runs/single")
    (finished("runs/stopped") / "scores_val.json").unlink()
    (finished("runs/young") / "checkpoints" / "best.ckpt").unlink()
    finished("runs/seedless", seed=None)
    finished("mixed/a"), finished("mixed/b", 1, task_weights={"depth": 2})
    finished("twice/a", 4), finished("twice/b", 4)
    with pytest.raises(InputError, match=message) as caught:
        found_in(sources, reference, split, seeds)
    assert "\n" not in str(caught.value)


def change_size(content):
    content["data"]["image_size"] = [64, 64]


def test_different_data(configs):
    rewrite("single.yaml", "large.yaml", change_size)
    with pytest.raises(InputError, match=r"large\.yaml: data\.image_size differs from"):
        check(["single.yaml", "large.yaml"])
    rewrite("single.yaml", "flat.yaml", lambda content: content.update(data=3))
    with pytest.raises(InputError, match=r"flat\.yaml: .*data"):
        check(["flat.yaml"])


def test_equivalent_data_settings_are_accepted(configs):
    def spell_out(content):
        content["data"]["tasks"] = None  # the default
        content["data"]["train"]["init_args"]["fraction"] = [0, 1]  # likewise

    rewrite("single.yaml", "spelt.yaml", spell_out)
    check(["single.yaml", "spelt.yaml", str(finished("runs/mine"))])


def test_no_split_to_evaluate_on(configs):
    rewrite("single.yaml", "single.yaml", lambda content: content["data"].pop("test"))
    with pytest.raises(InputError, match=r"single\.yaml: data\.test is missing"):
        check(["single.yaml"])
    check(["single.yaml"], split="val")


def test_scores_of_another_protocol_are_recomputed(configs):
    folder = finished("runs/mine")
    content = {"checkpoint": str(folder / "checkpoints" / "best.ckpt"), "scores": {}}
    (folder / "scores_test.json").write_text(json.dumps(content))
    (run,) = found_in(["runs/mine"])[0].runs
    assert run.next_command() is None  # files before 0.2 contain no protocol
    content["scoring"] = Protocol(flip=True).plain()
    (folder / "scores_test.json").write_text(json.dumps(content))
    assert run.next_command()[0] == "test"

    def change(settings):
        settings["scoring"] = {"flip": True}

    rewrite(folder / "config.yaml", folder / "config.yaml", change)
    assert run.next_command() is None


def test_all_candidates_have_the_same_protocol(configs):
    def change(content):
        content["scoring"] = {"depth": {"crop": "nyuv2", "max_depth": 10}}

    settings = {Path("a.yaml"): read_config(Path("single.yaml"))}
    rewrite("single.yaml", "b.yaml", change)
    settings[Path("b.yaml")] = read_config(Path("b.yaml"))
    with pytest.raises(InputError, match=r"^b\.yaml: its scoring \(.*crop nyuv2\) is not that of"):
        check_same_data(settings, "test")
