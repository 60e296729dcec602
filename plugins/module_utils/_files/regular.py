# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a user names: looked at before they are opened, and read only if they are regular and of a sane size.

Opening a FIFO waits for a writer, and a device may never end. A signal could not end that either.
"""

from __future__ import annotations

import errno
import os
import ssl
import stat
from pathlib import Path

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.option_values import is_path, kind_of_secret

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
        # the file may have been replaced since
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:  # also a name with NUL
        raise UnreadableError(getattr(error, "strerror", None) or str(error)) from None
    if len(content) > most:
        raise UnreadableError(f"it is larger than {most // MEBIBYTE} MiB")
    return content


def expanded(path: str) -> Path:
    """The path, with the folder of a user in place of ``~``. Raises UnreadableError where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UnreadableError("no user of this name has a home directory here") from None


def check_path(option: str, path: str) -> None:
    """Raise ConfigurationError for a key, a token or a secret in place of a path."""
    if kind := kind_of_secret(path):
        raise ConfigurationError(f"{option}: expected the path of a file, found what {kind}, which is not shown.")


def others_may_read(option: str, path: str) -> list[str]:
    """A warning of a file that more people than its owner can read or change; nothing where it is the owner's alone."""
    try:
        mode = stat.S_IMODE(expanded(path).stat().st_mode)
    except (OSError, ValueError, UnreadableError):
        return []
    if not mode & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH):
        return []
    return [
        f"{option} {path!r}: other users of this machine can read or change it (mode {mode:04o}), and who has the key "
        "can sign in as the app. Run chmod 600 on the file."
    ]


def quoted_path(path: str) -> str:
    """The path for a message, where it looks like one or leads to something: else it may be a secret."""
    try:
        shown = is_path(path) or expanded(path).exists()
    except (OSError, ValueError, UnreadableError):
        shown = False
    return repr(path) if shown else "a file (its name is not shown, because it may be a secret)"


def checked_ca(path: str) -> str:
    """Find out now whether the CA file can be used; requests would only tell in the middle of a request."""
    check_path("ca_path", path)
    try:
        place = expanded(path)
        if place.is_dir():
            return str(place)
        read_regular(place, CA_MOST)
        ssl.create_default_context(cafile=str(place))
    except UnreadableError as error:
        raise ConfigurationError(f"ca_path {quoted_path(path)} cannot be used: {error}.") from None
    except OSError as error:
        reason = "it holds no PEM certificate" if isinstance(error, ssl.SSLError) else str(error.strerror)
        raise ConfigurationError(f"ca_path {quoted_path(path)} cannot be used: {reason}.") from None
    return str(place)
