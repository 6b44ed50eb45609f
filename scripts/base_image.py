"""A base image made from the packages of this machine's distribution.

It is for machines that reach a Debian mirror, but no registry of images. Like the official images
of Python, it has `python`, its venv module and pip.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.engine import Engine, NoEngine

NAME = "localhost/codeserver-base"
PACKAGES = ("python3", "python3-venv", "python3-pip", "ca-certificates")
LEFT_OUT = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*")
# As in the official images: the name `python`, and a pip that may install.
AS_OFFICIAL = (
    'ln -s /usr/bin/python3 "$1/usr/local/bin/python"; '
    'rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED'
)


def ensure(engine: Engine) -> str:
    """Build the base image if it does not exist; returns its name.

    Raises:
        NoEngine: the image cannot be built here.
    """
    release = platform.freedesktop_os_release()
    name = f"{NAME}:{release.get('VERSION_CODENAME', 'local')}"
    if engine.has_image(name):
        return name
    if not shutil.which("mmdebstrap") or release.get("ID") != "debian":
        raise NoEngine("no registry can be reached, and no mmdebstrap makes a base image here")
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "base.tar"
        subprocess.run(_command(release["VERSION_CODENAME"], archive), check=True)
        changes = ("--change", "ENV LANG=C.UTF-8", "--change", 'CMD ["python"]')
        imported = engine.run("import", *changes, str(archive), name)
    if imported.returncode != 0:
        raise NoEngine(f"{engine.name} cannot import a base image: {imported.stdout.strip()}")
    return name


def _command(release: str, archive: Path) -> Sequence[str]:
    return (
        *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
        *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        f"--customize-hook={AS_OFFICIAL}",
        *(release, str(archive)),
    )
