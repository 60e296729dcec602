# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module costs before it does anything: importing its code, over what Ansible itself imports."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import ansible  # type: ignore[import-untyped]

from tests.bench.measure import MODULES, PLACE, ROOT, Run, alternate, measure
from tests.bench.report import Bound, Row, row
from tests.bench.sizes import Sizes

SECONDS = 0.3
ANSIBLE = "ansible.module_utils.basic"


def imports(sizes: Sizes) -> Iterator[Row]:
    """The module that imports most; from files with their bytecode, and from a zip without it, as Ansible ships it."""
    module = f"{MODULES}.m365_license_plan"
    packed = _zip()
    for how, place in (("from files", list[Path]()), ("from a zip, as Ansible ships it", [packed])):
        mine, baseline = alternate(
            sizes.short_rounds,
            lambda place=place: _import(module, place),  # type: ignore[misc]
            lambda place=place: _import(ANSIBLE, place),  # type: ignore[misc]
        )
        bound = Bound("over Ansible's own", mine.seconds - baseline.seconds, SECONDS, unit=" s")
        yield row("import m365_license_plan", how, mine, (f"import {ANSIBLE}", baseline), [bound])


def _import(module: str, place: Sequence[Path]) -> Run:
    paths = "".join(f"sys.path.insert(0, {str(path)!r}); " for path in place)
    return measure([sys.executable, "-c", f"import sys; {paths}import {module}"])


def _zip() -> Path:
    """Modules and module_utils of the collection and of Ansible, as sources."""
    PLACE.mkdir(parents=True, exist_ok=True)
    packed = PLACE / "modules.zip"
    core = Path(ansible.__file__).parent
    own = Path("ansible_collections/m365/licensing/plugins")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ansible/__init__.py", f'__version__ = "{ansible.release.__version__}"\n')
        for path in [core / "release.py", *(core / "module_utils").rglob("*.py")]:
            archive.write(path, Path("ansible") / path.relative_to(core))
        for package in (own, *own.parents[:-1], own / "modules", own / "module_utils"):
            archive.writestr(f"{package}/__init__.py", "")
        for path in sorted((ROOT / "plugins").glob("module*/**/*.py")):
            archive.write(path, own / path.relative_to(ROOT / "plugins"))
    return packed
