"""`make images`: which command builds, and how an image comes into a cluster."""

import pytest

from support.programs import ROOT, program

images = program("deploy/images.py")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A PATH with only the commands that a test puts there; each writes down how it was called."""
    monkeypatch.setenv("PATH", str(tmp_path))

    class Machine:
        def has(self, name, status=0, says=""):
            script = tmp_path / name
            script.write_text(f"#!/bin/sh\necho \"$0 $*\" >> {tmp_path}/calls\necho '{says}'\nexit {status}\n")
            script.chmod(0o755)

        @property
        def calls(self):
            calls = tmp_path / "calls"
            return calls.read_text().replace(f"{tmp_path}/", "").splitlines() if calls.exists() else []

    return Machine()


def test_the_builder_is_the_first_that_works(machine):
    machine.has("docker", status=1)
    machine.has("podman")
    machine.has("buildah")
    command = images.build_command("allocator", "antre/allocator:dev", {})
    assert command[:4] == ["podman", "build", "-t", "antre/allocator:dev"]
    assert command[-1] == str(ROOT)
    assert "VERSION=0.1.0" in command


def test_a_command_that_is_given_wins(machine):
    machine.has("docker")
    given = {"BUILD": "my-builder --at {context} -t {image} -f {dockerfile}"}
    command = images.build_command("allocator", "antre/allocator:dev", given)
    dockerfile = str(ROOT / "services" / "allocator" / "Dockerfile")
    assert command == ["my-builder", "--at", str(ROOT), "-t", "antre/allocator:dev", "-f", dockerfile]


def test_a_machine_without_a_builder_is_told_what_to_do(machine):
    with pytest.raises(images.CannotBuildError, match=r"neither docker, podman nor buildah.*BUILD="):
        images.build_command("allocator", "antre/allocator:dev", {})


def test_kind_is_known_by_its_context(machine):
    machine.has("docker")
    machine.has("kubectl", says="kind-antre")
    machine.has("kind")
    images.load("antre/allocator:dev", {})
    assert machine.calls[-1] == "kind load docker-image antre/allocator:dev --name antre"


def test_a_builder_without_a_daemon_hands_kind_an_archive(machine):
    machine.has("buildah")
    machine.has("kubectl", says="kind-antre")
    machine.has("kind")
    images.load("antre/allocator:dev", {})
    assert machine.calls[-2].startswith("buildah push antre/allocator:dev docker-archive:")
    assert machine.calls[-1].startswith("kind load image-archive ")


def test_a_cluster_that_nobody_knows_wants_a_command(machine):
    machine.has("docker")
    machine.has("kubectl", says="production")
    with pytest.raises(images.CannotBuildError, match=r"context 'production'; give a command by LOAD="):
        images.load("antre/allocator:dev", {})


def test_the_command_that_loads_may_be_given(machine):
    machine.has("my-loader")
    images.load("antre/allocator:dev", {"LOAD": "my-loader {image}"})
    assert machine.calls == ["my-loader antre/allocator:dev"]


def test_a_builder_that_fails_is_named(machine):
    machine.has("docker", status=3)
    with pytest.raises(images.CannotBuildError, match="docker ended with status 3"):
        images.run(["docker", "build"])
