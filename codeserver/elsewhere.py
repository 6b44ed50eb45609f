"""Programs for a Python in which codeserver is not installed.

No directory is added to its `sys.path`, where it would bring packages of this environment along. So
the package `codeserver` is found there, and nothing else of what is installed here.
"""

from __future__ import annotations

import os

from codeserver.marks import OWN_FOLDER

_PACKAGE = os.path.join(OWN_FOLDER, "__init__.py")


def program(statement: str) -> str:
    """The text of a program, in one line, whose statement may import modules of codeserver."""
    return (
        "import sys, importlib.util as util; "
        f"spec = util.spec_from_file_location('codeserver', {_PACKAGE!r}); "
        "package = sys.modules['codeserver'] = util.module_from_spec(spec); "
        f"spec.loader.exec_module(package); del util, spec, package; {statement}"
    )
