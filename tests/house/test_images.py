"""The Dockerfiles keep what docs/operations promises of the images."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.glob("services/*/Dockerfile"))
COMPILES_OR_PACKS = re.compile(r"\b(gcc|build-essential|apt-get|apk|uv|pip install|poetry|wheel)\b")


def stages(path):
    """The instructions of each stage by its name, lines that go on put together, comments left out."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found, name = {}, ""
    for line in filter(None, text.splitlines()):
        if began := re.match(r"FROM (\S+) AS (\S+)", line):
            name = began[2]
            found[name] = [line]
        elif name:
            found[name].append(line)
    return found


def of(path, name):
    """What ends up in the image: a stage, on top of those it begins from."""
    mine = stages(path)[name]
    below = mine[0].split()[1]
    return [*(of(path, below) if below in stages(path) else []), *mine[1:]]


def project(path):
    return tomllib.loads((path.parent / "pyproject.toml").read_text())["project"]


@pytest.fixture(params=FILES, ids=lambda path: path.parent.name)
def dockerfile(request):
    return request.param


def test_every_service_has_an_image():
    assert {path.parent for path in FILES} == {path.parent for path in ROOT.glob("services/*/pyproject.toml")}


def test_an_image_runs_its_command_itself_as_nobody_in_particular(dockerfile):
    (command,) = project(dockerfile)["scripts"]
    image = of(dockerfile, "image")
    assert f'ENTRYPOINT ["{command}"]' in image
    assert "USER 10001:10001" in image


def test_nothing_that_compiles_or_packs_is_in_the_final_stage(dockerfile):
    image = of(dockerfile, "image")
    assert not [line for line in image if line.startswith("RUN") and COMPILES_OR_PACKS.search(line)]
    assert any("rm -rf /usr/local/bin/pip*" in line for line in image)


def test_everything_foreign_is_installed_by_its_hash_and_never_compiled(dockerfile):
    requirements = f"requirements/{dockerfile.parent.name}.txt"
    (install,) = [line for line in stages(dockerfile)["dependencies"] if "pip install" in line]
    assert {"--require-hashes", "--only-binary", f"/{requirements}"} <= set(install.split())
    assert f"COPY {requirements} /requirements/" in stages(dockerfile)["dependencies"]


def test_what_we_depend_on_lies_below_our_code_so_that_a_change_of_code_is_one_small_layer(dockerfile):
    copies = [line for line in of(dockerfile, "image") if line.startswith("COPY")]
    assert copies == ["COPY --from=dependencies /install /", "COPY --from=code /install /"]


def test_bytecode_is_there_because_a_read_only_root_cannot_take_it_later(dockerfile):
    for stage in ("dependencies", "code"):
        assert any("compileall" in line and "unchecked-hash" in line for line in stages(dockerfile)[stage])


def test_what_is_copied_exists(dockerfile):
    for line in (line for lines in stages(dockerfile).values() for line in lines if line.startswith("COPY")):
        if "--from" not in line:
            *sources, _ = [word for word in line.split()[1:] if not word.startswith("--")]
            assert all((ROOT / source).exists() for source in sources), line


def test_an_image_holds_its_own_packages_and_no_other_service(dockerfile):
    wanted = {
        f"packages/{name.removeprefix('antre-')}" for name in project(dockerfile)["dependencies"] if "antre-" in name
    }
    copied = {line.split()[1] for line in stages(dockerfile)["code"] if line.startswith("COPY")}
    assert copied == {f"services/{dockerfile.parent.name}", *wanted}


def test_the_labels_tell_what_it_is(dockerfile):
    text = dockerfile.read_text()
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in text
    assert project(dockerfile)["description"] in text
    assert f"ARG VERSION={project(dockerfile)['version']}" in text


def test_the_stage_for_development_runs_the_source_that_skaffold_changes(dockerfile):
    stage = of(dockerfile, "dev")
    (command,) = project(dockerfile)["scripts"]
    assert f'ENTRYPOINT ["python", "/restart.py", "{command}"]' in stage
    (folders,) = [line.removeprefix("ENV PYTHONPATH=") for line in stage if "PYTHONPATH" in line]
    copied = [line for line in stage if line.startswith("COPY --chown=10001:10001")]
    assert [line.split()[-1] for line in copied] == folders.split(":")
