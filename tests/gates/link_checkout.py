# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make this checkout the collection ``m365.licensing`` of its own virtual environment.

``.venv/collections/ansible_collections/m365/licensing`` is a link to the checkout, and a ``.pth`` file puts
``.venv/collections`` on the environment's ``sys.path``: there Python finds ``ansible_collections.m365.licensing``, and
so does Ansible, from whatever directory it is started and without an ``ansible.cfg``. Run by ``make setup``.
Environments of ``make test-matrix`` get a ``.pth`` file to the same place.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


COLLECTIONS = CHECKOUT / ".venv" / "collections"


def link() -> None:
    """Make the relative link, in place of an older one."""
    collection = COLLECTIONS / "ansible_collections" / "m365" / "licensing"
    collection.parent.mkdir(parents=True, exist_ok=True)
    collection.unlink(missing_ok=True)
    collection.symlink_to(Path(*[".."] * 4), target_is_directory=True)


def point_at(site_packages: Path) -> None:
    """Write the ``.pth`` file of an environment, with a relative path."""
    relative = os.path.relpath(COLLECTIONS, site_packages)
    (site_packages / "m365_licensing_checkout.pth").write_text(f"{relative}\n", encoding="utf-8")


if __name__ == "__main__":
    link()
    point_at(Path(sysconfig.get_paths()["purelib"]))
