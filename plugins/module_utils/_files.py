# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a user names: looked at before they are opened, and read only if they are regular and of a sane size.

Whoever opens a FIFO waits for somebody to write, and a device may never end. A signal could not end that either.
"""

from __future__ import annotations

import errno
import os
import ssl
import stat
from pathlib import Path

from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError

MEBIBYTE = 1024 * 1024
CA_MOST = 16 * MEBIBYTE
"""Bytes of a file of certificates; those of all public authorities have a quarter of one MiB."""


class UnreadableError(Exception):
    """The file cannot be read; the message is the reason, as a part of a sentence. Nothing of its content is in it."""


def read_regular(path: str | Path, most: int) -> bytes:
    """The content of a regular file that has at most ``most`` bytes. Raises UnreadableError."""
    try:
        mode = Path(path).stat().st_mode
        if not stat.S_ISREG(mode):
            raise UnreadableError(os.strerror(errno.EISDIR) if stat.S_ISDIR(mode) else "it is not a regular file")
        # somebody may have put something else there since
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:  # also a name with NUL
        raise UnreadableError(getattr(error, "strerror", None) or str(error)) from None
    if len(content) > most:
        raise UnreadableError(f"it is larger than {most // MEBIBYTE} MiB")
    return content


def checked_ca(path: str) -> str:
    """Find out now whether the CA file can be used; requests would only tell in the middle of a request."""
    place = Path(path).expanduser()
    try:
        if place.is_dir():
            return str(place)
        read_regular(place, CA_MOST)
        ssl.create_default_context(cafile=str(place))
    except UnreadableError as error:
        raise ConfigurationError(f"ca_path {path!r} cannot be used: {error}.") from None
    except OSError as error:
        reason = "it holds no PEM certificate" if isinstance(error, ssl.SSLError) else str(error.strerror)
        raise ConfigurationError(f"ca_path {path!r} cannot be used: {reason}.") from None
    return str(place)
