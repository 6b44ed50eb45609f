"""Build the image of some code with podman or docker, and say what it took.

This is `make image`. Variables with the names of the Dockerfile's arguments are handed on.
`PLATFORM` chooses another platform than that of this machine, such as linux/arm64.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path

from scripts import base_image, engine
from scripts.engine import Engine, NoEngine

ROOT = Path(__file__).resolve().parent.parent
ARGUMENTS = (
    *("BASE_IMAGE", "PYTHON_VERSION", "USER_CODE", "TARGET", "SNAPSHOT", "CODESERVER"),
    "SEPARATE_ENVIRONMENT",
    *("DAGSTER_VERSION", "EXTRA_REQUIREMENTS", "SBOM_TOOL", "VERSION", "REVISION"),
)
DOCKERFILE = ROOT / "Dockerfile"
STOCK = ROOT / "scripts" / "stock.Dockerfile"
PULL_SECONDS = 120
TRIAL_SECONDS = 60


def main() -> int:
    """Build the image; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", default="codeserver-example", help="The name of the image.")
    parser.add_argument("--stock", action="store_true", help="Build one with stock Dagster, too.")
    parser.add_argument(
        "--check", action="store_true", help="Build nothing; say whether it is possible here."
    )
    options = parser.parse_args()
    try:
        found = engine.find()
        base = {"BASE_IMAGE": base_of(found, os.environ)}
        if options.check:
            try_out(found, base["BASE_IMAGE"])
            return 0
    except NoEngine as error:
        print(f"No image can be built here: {error}.", file=sys.stderr)
        return 1
    code = _build_and_tell(found, options.tag, {**given_arguments(os.environ), **base}, DOCKERFILE)
    if code == 0 and options.stock:
        code = _build_and_tell(found, f"{options.tag}-stock", base, STOCK)
    return code


def _build_and_tell(found: Engine, tag: str, given: Mapping[str, str], dockerfile: Path) -> int:
    """Build an image, and print its time and size; cached layers cost no time."""
    begin = time.monotonic()
    code = build(found, tag, given, dockerfile=dockerfile, show=True).returncode
    if code == 0:
        base = given["BASE_IMAGE"]
        print(
            f"{tag}: {size_of(found, tag) / 1e6:.0f} MB, {size_of(found, base) / 1e6:.0f} MB "
            f"of them {base}; built in {time.monotonic() - begin:.0f} s with {found.name}",
            flush=True,
        )
    return code


def given_arguments(environment: Mapping[str, str]) -> dict[str, str]:
    """The arguments of the Dockerfile that environment variables set."""
    return {name: environment[name] for name in ARGUMENTS if environment.get(name)}


def base_of(found: Engine, environment: Mapping[str, str]) -> str:
    """The base image: the one that the environment names, the official one, or one built here.

    Raises:
        NoEngine: no base image can be had.
    """
    if named := environment.get("BASE_IMAGE"):
        return named
    version = environment.get("PYTHON_VERSION", "3.12")
    official = f"docker.io/library/python:{version}-slim"
    of_another = platform_options(environment)
    if not of_another and found.has_image(official):
        return official
    try:
        pulled = (
            found.run("pull", "--quiet", *of_another, official, timeout=PULL_SECONDS).returncode
            == 0
        )
    except subprocess.TimeoutExpired:
        pulled = False
    if not pulled and of_another:
        raise NoEngine(f"{official} cannot be had for {environment['PLATFORM']}")
    return official if pulled else base_image.ensure(found)


def platform_options(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The options that choose the platform of an image, such as linux/arm64; none for this one."""
    platform = environment.get("PLATFORM")
    return ("--platform", platform) if platform else ()


def try_out(found: Engine, base: str) -> None:
    """Run a container of an image that has Python.

    Raises:
        NoEngine: containers do not run here.
    """
    words = ("run", "--rm", "--network=none", base, "python", "-c", "print('it works')")
    try:
        ran = found.run(*words, timeout=TRIAL_SECONDS)
    except subprocess.TimeoutExpired:
        raise NoEngine(f"{found.name} does not run a container within {TRIAL_SECONDS} s") from None
    if ran.returncode != 0 or "it works" not in ran.stdout:
        raise NoEngine(f"{found.name} cannot run a container: {ran.stdout.strip()}")


def build(
    found: Engine,
    tag: str,
    arguments: Mapping[str, str],
    *,
    folder: Path = ROOT,
    dockerfile: Path = DOCKERFILE,
    show: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Build the image of a folder, which is the build context."""
    now = {"CREATED": datetime.now(timezone.utc).isoformat(timespec="seconds")}
    return found.run(
        *("build", *found.build_options, *platform_options(os.environ)),
        *("--tag", tag, "--file", str(dockerfile)),
        *_each("--build-arg", (f"{name}={value}" for name, value in {**now, **arguments}.items())),
        *_each("--secret", secrets(engine.CACHE, os.environ)),
        str(folder),
        show=show,
    )


def secrets(folder: Path, environment: Mapping[str, str]) -> list[str]:
    """The build secrets with pip's configuration and certificates; the image keeps neither."""
    bundle = environment.get("PIP_CERT") or environment.get("SSL_CERT_FILE")
    if not bundle:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pip.conf"
    path.write_text("[global]\ncert = /run/secrets/ca_bundle\n")
    return [f"id=pip_conf,src={path}", f"id=ca_bundle,src={bundle}"]


def size_of(found: Engine, image: str) -> int:
    """The size of an image in bytes, including its base."""
    return int(found.run("image", "inspect", "--format", "{{.Size}}", image).stdout)


def _each(option: str, values: Iterable[str]) -> Iterator[str]:
    for value in values:
        yield from (option, value)


if __name__ == "__main__":
    sys.exit(main())
