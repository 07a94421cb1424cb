"""Named assets: pins in project.lock, variables, mounts, and what is refused."""

from __future__ import annotations

import pytest
from harness import ProjectDir

from assets.conftest import commit
from assets.web import File, Web
from weaselish.model.sources import Volume, is_source_name, variable_of
from weaselish.records.lockfile import read_lock


def git_source(project: ProjectDir, upstream: ProjectDir, more: str = "") -> None:
    git = f"git: {{repo: '{upstream.path}', branch: main, path: data}}"
    project.project(f"assets: [{{name: train-data, dest: got, {git}}}]\n{more}")


def test_others_get_the_pinned_commit_until_an_update_moves_the_pin(project: ProjectDir, upstream: ProjectDir) -> None:
    git_source(project, upstream)
    assert project.proj("assets").code == 0
    old = upstream.git("rev-parse", "main").strip()
    assert read_lock(project.path).sources["train-data"].commit == old
    upstream.write("data/words.txt", "three\n")
    new = commit(upstream, "newer")
    clone = project.beside("clone")
    for file in ("project.yml", "project.lock"):
        clone.write(file, project.read(file))
    assert clone.proj("assets").err == "✔ got: fetched, 15 B\n1 fetched\n"
    assert clone.read("got/words.txt") == "two\n"
    assert (
        clone.proj("assets", "train-data").err == f"✔ got: already present (pinned at {old[:10]})\n1 already present\n"
    )
    assert clone.proj("assets", "--update", "train-data").code == 0
    assert (clone.read("got/words.txt"), read_lock(clone.path).sources["train-data"].commit) == ("three\n", new)
    project.write("project.lock", clone.read("project.lock"))  # as a pull with git brings it
    [status] = project.proj("assets", "--status", "--json").json
    assert (status["state"], status["pin"], status["variable"]) == ("out of date", new, "TRAIN_DATA_DIR")
    assert project.proj("assets").code == 0
    assert project.read("got/words.txt") == "three\n"


def test_a_repository_that_cannot_be_cloned_has_an_exit_code_of_its_own(
    project: ProjectDir, upstream: ProjectDir
) -> None:
    project.project("assets: [{name: src, dest: src, git: {repo: /nowhere.git}}]")
    done = project.proj("assets")
    assert done.code == 39
    assert "✘ src: source `src` cannot be cloned: git cannot fetch from `/nowhere.git`: " in done.err
    git_source(project, upstream)
    text = f"{upstream.path} branch main path data"
    lock = f".proj: {{format: 1, sources: {{train-data: {{source: '{text}', commit: {'d' * 40}}}}}}}\n"
    project.write("project.lock", lock)
    done = project.proj("assets")
    assert (done.code, project.exists("got")) == (39, False)
    assert "project.lock pins that commit: `proj assets --update train-data` takes the branch's newest" in done.err


def test_other_content_behind_a_pinned_url_is_refused(project: ProjectDir, web: Web) -> None:
    web.files["words"] = File(b"one")
    project.project(f"assets: [{{name: words, dest: words.txt, url: '{web.url('words')}'}}]")
    assert project.proj("assets").code == 0
    web.files["words"] = File(b"two")
    project.remove("words.txt")
    done = project.proj("assets")
    assert (done.code, project.exists("words.txt")) == (1, False)
    assert "differs from what project.lock pins\n  hint: `proj assets --update words` takes the new content" in done.err
    assert project.proj("assets", "--update", "words").code == 0
    assert project.read("words.txt") == "two"
    project.remove("words.txt")
    assert project.proj("assets").code == 0


def test_each_step_gets_the_places_as_variables_and_deps_inside_count(
    project: ProjectDir, upstream: ProjectDir
) -> None:
    show = (
        "{name: show, script: [\"sh -c 'cat $TRAIN_DATA_DIR/words.txt > out'\"], deps: [got/words.txt], outputs: [out]}"
    )
    git_source(project, upstream, f"commands: [{show}]")
    missing = project.proj("run", "show")
    assert (missing.code, "`proj assets` fetches it" in missing.err) == (1, True)
    project.proj("assets")
    assert project.proj("run", "show").code == 0
    assert project.read("out") == "two\n"
    project.write("got/words.txt", "changed\n")
    assert "got/words.txt" in project.proj("why", "show").out


def test_a_mounted_source_is_linked_or_the_error_says_how_to_mount_it(project: ProjectDir) -> None:
    mounted = project.beside("mounted")
    show = "{name: show, script: [\"sh -c 'cat $DATA_DIR/x > out'\"], deps: [data/x], outputs: [out]}"
    nfs = "nfs: {server: 10.0.0.5, path: /export, subpath: my data}, read_only: true"
    project.project(
        f"name: iris\nassets: [{{name: data, dest: data, path: '{mounted.path}/there', {nfs}}}, "
        f"{{name: ckpt, dest: ckpt, volume: {{claim: team-disk}}}}]\ncommands: [{show}]"
    )
    done = project.proj("assets")
    assert done.code == 1
    assert f"`mount -t nfs -o ro '10.0.0.5:/export/my data' {mounted.path}/there`" in done.err
    disk = f"`mount --bind DISK/default/iris/ckpt {project.path}/ckpt`, where DISK is the disk of the claim `team-disk`"
    assert disk in done.err
    assert "10.0.0.5:/export/my data" in project.proj("run", "show").err
    mounted.write("there/x", "content")
    project.write("ckpt/x")
    assert project.proj("assets").err.startswith(f"✔ data: a link to `{mounted.path}/there`\n✔ ckpt: already present")
    assert project.proj("run", "show").code == 0
    assert project.read("out") == "content"
    states = project.proj("assets", "--status", "--json").json
    assert [(one["state"], one["path"]) for one in states] == [
        ("present", f"{mounted.path}/there"),
        ("present", f"{project.path}/ckpt"),
    ]


@pytest.mark.parametrize(
    ("asset", "message"),
    [
        ("name: -a, dest: a", "1:17: error: `-a` is not a valid name of a source"),
        (f"name: {'a' * 64}, dest: a", "is not a valid name of a source"),
        ("name: a_b, dest: a", "is not a valid name of a source"),
        ("dest: a, path: /mnt", "an asset with `path` needs a `name`"),
        ("name: a, dest: a, url: x, path: /mnt", "`path` is for assets without `url` and `git`"),
        ("name: a, dest: a, nfs: {server: x, path: export}", "`export` does not begin with `/`"),
        ("name: a, dest: a, nfs: {server: x, path: /e, subpath: ../y}", "`../y` leads out of what is mounted"),
        (
            "name: a, dest: a, nfs: {server: x, path: /e}, volume: {claim: c}",
            "an asset has `nfs` or `volume`, not both",
        ),
        ("name: a, dest: a, volume: {claim: c, scope: shard}", "did you mean `shared`?"),
        ("name: a, dest: a}, {name: a, dest: b", "two assets are named `a`"),
    ],
)
def test_what_is_refused(project: ProjectDir, asset: str, message: str) -> None:
    project.project(f"assets: [{{{asset}}}]")
    assert message in project.proj("assets").err


@pytest.mark.parametrize(
    ("lines", "places"),
    [
        ("outputs: [out, data/out]", ["9:20: error: an output cannot be `data/out`"]),
        ("outputs_no_cache: [data]", ["9:24: error: an output cannot be `data`"]),
        ("outputs: [in]", ["9:15: error: an output cannot be `in`"]),  # it contains `in/deep`
        ("outputs: [../mnt/data/x]", ["9:15: error: an output cannot be `../mnt/data/x`"]),
        ("outputs: ['${env.OUT}/x']", ["`a`: `${env.OUT}/x` cannot be used as an output"]),
        ("outputs: [late/x]", ["`a`: `late/x` cannot be used as an output"]),
        ("outputs: [in/other, database, out]", []),
        ("deps: [data/x]", []),
    ],
)
def test_nothing_is_written_into_a_read_only_source(project: ProjectDir, lines: str, places: list[str]) -> None:
    project.project(f"""\
env: {{OUT: OUT, LATE: LATE}}
assets:
  - {{name: data, dest: data, path: {project.path.parent}/mnt/data, read_only: true}}
  - {{name: deep, dest: in/deep, read_only: true}}
  - {{name: late, dest: '${{env.LATE}}', read_only: true}}
commands:
  - name: a
    script: ['true']
    {lines}
""")
    env = {"OUT": "data", "LATE": "late"}
    done = project.proj("validate", env=env)
    assert (done.code != 0) == bool(places)
    for place in places:
        assert place in done.err + done.out
        assert "is read-only: name a path outside it" in done.err + done.out
    assert not places or project.proj("run", "a", env=env).code in (1, 2)


def test_nothing_is_fetched_into_a_read_only_source(project: ProjectDir) -> None:
    project.project("""\
assets:
  - {dest: data/words, url: 'https://example.org/words'}
  - {name: data, dest: data, read_only: true}
commands: []
""")
    assert "project.yml:2:12: error: an asset cannot be `data/words`" in project.proj("validate").err


def test_names_and_the_directories_of_volumes_are_as_kuberlab_has_them() -> None:
    assert all(map(is_source_name, ["a", "0-9", "a" * 63]))
    assert not any(map(is_source_name, ["", "-", "a-", "A", "a.b", "a" * 64]))
    assert variable_of("train-data") == "TRAIN_DATA_DIR"
    found = [Volume("c", path, scope) for scope in ("project", "org", "shared") for path in ("x", "")]
    places = [volume.directory(source="s", project="p", namespace="ns") for volume in found]
    assert places == ["ns/p/x", "ns/p/s", "ns/x", "ns", "shared/x", "shared"]
