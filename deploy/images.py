"""Builds the images, with whatever builder this machine has, and brings them into the cluster at hand.

    python deploy/images.py [--tag TAG] [--registry HOST/PATH] [--load] [--push] [IMAGE ...]

The builder is the first of docker, podman and buildah that answers, or a command given by BUILD, such as

    BUILD='docker buildx build --load -t {image} -f {dockerfile} {arguments} {context}'

`--load` makes the images usable by the cluster that kubectl talks to: kind, k3d and minikube are known by the name of
their context, another cluster by a command given by LOAD (`LOAD='my-loader {image}'`). A command given by BUILD is
taken to do that as well. `--push` sends them to their registry instead.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ("webhook-gateway", "allocator", "qiscus-simulator")
BUILDERS = {
    "docker": "docker build -t {image} -f {dockerfile} {arguments} {context}",
    "podman": "podman build -t {image} -f {dockerfile} {arguments} {context}",
    "buildah": "buildah build --layers -t {image} -f {dockerfile} {arguments} {context}",
}
ALIVE = {"docker": "docker info", "podman": "podman info", "buildah": "buildah info"}


class CannotBuildError(Exception):
    """With a sentence that says what to do."""


def main() -> int:
    """Build what was asked for. Exit status 1, with a sentence, when that cannot be done."""
    words = _parser().parse_args()
    try:
        for name in words.images or IMAGES:
            image = image_name(name, words.tag, words.registry)
            run(build_command(name, image, os.environ))
            if words.load:
                load(image, os.environ)
            if words.push:
                run([_builder(os.environ), "push", image])
    except CannotBuildError as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    return 0


def image_name(name: str, tag: str, registry: str = "") -> str:
    """What an image is called, e.g. `antre/allocator:dev`, with its registry in front where one is given.

    >>> image_name("allocator", "dev"), image_name("allocator", "1.0.0", "ghcr.io/example/")
    ('antre/allocator:dev', 'ghcr.io/example/antre/allocator:1.0.0')
    """
    return f"{registry.rstrip('/')}/antre/{name}:{tag}" if registry else f"antre/{name}:{tag}"


def build_command(name: str, image: str, environ: Mapping[str, str]) -> list[str]:
    """The command that builds an image of ours. Raises CannotBuildError when there is no builder."""
    folder = ROOT / "services" / name
    version = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["version"]
    arguments = f"--build-arg VERSION={version} --build-arg REVISION={_revision()}"
    return command_for(image, folder / "Dockerfile", ROOT, environ, arguments)


def command_for(
    image: str, dockerfile: Path, context: Path, environ: Mapping[str, str], arguments: str = ""
) -> list[str]:
    """The command that builds any image."""
    template = environ.get("BUILD") or BUILDERS[_builder(environ)]
    return filled(template, image=image, dockerfile=str(dockerfile), context=str(context), arguments=arguments)


def filled(template: str, **values: str) -> list[str]:
    """The words of a command's template. A value with spaces in it is several words; a path keeps its spaces.

    >>> filled("build -t {image} {arguments} {context}", image="a:1", arguments="--x 1", context="/a b")
    ['build', '-t', 'a:1', '--x', '1', '/a b']
    """
    words: list[str] = []
    for word in shlex.split(template):
        if word == "{arguments}":
            words += shlex.split(values["arguments"])
            continue
        for name, value in values.items():
            word = word.replace(f"{{{name}}}", value)  # noqa: PLW2901 - one after the other
        words.append(word)
    return words


def load(image: str, environ: Mapping[str, str]) -> None:
    """Make an image usable by the pods of the cluster at hand."""
    if environ.get("LOAD"):
        run(filled(environ["LOAD"], image=image))
        return
    if environ.get("BUILD"):
        return
    context = _context()
    builder = _builder(environ)
    kind, _, name = context.partition("-")
    if builder == "docker" and kind == "kind":
        run(["kind", "load", "docker-image", image, "--name", name])
    elif builder == "docker" and kind == "k3d":
        run(["k3d", "image", "import", image, "--cluster", name])
    elif kind in {"kind", "minikube"}:
        _load_archive(builder, image, kind, name)
    else:
        raise CannotBuildError(
            f"cannot tell how images come into the cluster of context '{context}'; give a command by LOAD='… {{image}}'"
        )


def _load_archive(builder: str, image: str, kind: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = f"{folder}/image.tar"
        save = (
            ["push", image, f"docker-archive:{archive}:{image}"]
            if builder == "buildah"
            else ["save", "-o", archive, image]
        )
        run([builder, *save])
        if kind == "kind":
            run(["kind", "load", "image-archive", archive, "--name", name])
        else:
            run(["minikube", "image", "load", archive])


def run(command: Iterable[str]) -> None:
    """Run a command with its output shown. Raises CannotBuildError when it fails."""
    words = list(command)
    print(f"images: {shlex.join(words)}", flush=True)
    try:
        subprocess.run(words, check=True)
    except FileNotFoundError:
        raise CannotBuildError(f"there is no command {words[0]} on this machine") from None
    except subprocess.CalledProcessError as error:
        raise CannotBuildError(f"{words[0]} ended with status {error.returncode}; its output is above") from None


def _builder(environ: Mapping[str, str]) -> str:
    if environ.get("BUILD"):
        return shlex.split(environ["BUILD"])[0]
    for name, alive in ALIVE.items():
        if shutil.which(name) and subprocess.run(alive.split(), capture_output=True, check=False).returncode == 0:
            return name
    raise CannotBuildError(
        "found neither docker, podman nor buildah in working order; install one, or give a command: "
        "BUILD='… -t {image} -f {dockerfile} {context}'"
    )


def _context() -> str:
    command = ["kubectl", "config", "current-context"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (FileNotFoundError, subprocess.CalledProcessError):
        raise CannotBuildError("kubectl knows no cluster to load images into; set KUBECONFIG") from None


def _revision() -> str:
    if not shutil.which("git"):
        return "unknown"
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="images", description="Build the images and bring them where they are wanted."
    )
    parser.add_argument(
        "images", nargs="*", metavar="IMAGE", help=f"some of {', '.join(IMAGES)}; all of them if none is named"
    )
    parser.add_argument("--tag", default="dev", help="their tag (default: dev)")
    parser.add_argument("--registry", default="", help="put in front of their names")
    parser.add_argument("--load", action="store_true", help="make them usable by the cluster that kubectl talks to")
    parser.add_argument("--push", action="store_true", help="send them to their registry")
    return parser


if __name__ == "__main__":
    sys.exit(main())
