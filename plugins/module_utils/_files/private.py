# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a module writes: created each time, for their owner alone, in a directory where no other user can tamper.

A directory is entered step by step and stays open. A file in it is named relative to that, so that no other user can
put another directory or a link in the way after the check. A file that was there is never written through, and its mode
is never changed: it is replaced, or appended to where it is ours.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import secrets
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

from .access_lists import Writers, writers_of

_ENTER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a directory is entered; O_PATH needs no right to list it."""
_NEW = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LINKS_MOST = 40
"""Links on the way to one directory; Linux follows as many."""


class UnsafeError(Exception):
    """Another user could tamper with the file; the message is the reason, as a part of a sentence."""


class Folder:
    """A directory that is held open. A context manager.

    ``refusal``: why no file of ours belongs there; empty where nothing is wrong. ``remarks``: who else can replace what
    is written there, as sentences without their full stop.
    """

    def __init__(self, path: str | Path, *, make: int | None = None) -> None:
        """``make``: the mode of directories that are made where they are missing; None: none is made.

        Raises OSError or ValueError where the directory cannot be entered, UnsafeError for a link of another user.
        """
        self.refusal = ""
        self.remarks: list[str] = []
        self._fd, self._place, self._links = -1, "/", 0
        self._make = make
        self._problems: dict[str, tuple[str, bool]] = {}
        self._waiting = _steps(Path.cwd() / path)
        try:
            self._enter("/", "/")
            while self._waiting:
                self._step(self._waiting.pop())
        except BaseException:
            self.close()
            raise
        self._judge()

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the directory."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def refuse(self) -> None:
        """Raise UnsafeError where no file of ours belongs there."""
        if self.refusal:
            raise UnsafeError(self.refusal)

    def replace(self, name: str, pieces: Iterable[str], mode: int) -> None:
        """Write a file, whole or not at all; while it is written no other user can read it. Raises OSError."""
        # of its name as much as leaves room for what is added
        draft = f".{name[:40]}.{secrets.token_hex(8)}"
        descriptor = os.open(draft, os.O_WRONLY | _NEW, 0o600, dir_fd=self._fd)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.writelines(pieces)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.rename(draft, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
        except BaseException:
            os.unlink(draft, dir_fd=self._fd)
            raise

    def create(self, name: str) -> int:
        """A new file to append to, for its owner alone; its name is on the disk. Raises FileExistsError, OSError."""
        descriptor = self._create(name)
        try:
            # a new name is on the disk only when its directory is
            place = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._fd)
            try:
                os.fsync(place)
            finally:
                os.close(place)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def append(self, name: str, is_ours: Callable[[bytes], bool], most: int) -> int:
        """The file to append to: a new one for its owner alone, or one that ``is_ours`` by its first ``most`` bytes.

        Raises OSError, and UnsafeError for a file that may be something else.
        """
        try:
            return self._create(name)
        except FileExistsError:
            # checked before it is opened: opening a FIFO or a device has effects
            _check_own(os.stat(name, dir_fd=self._fd, follow_symlinks=False))
        flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=self._fd)
        try:
            found = os.fstat(descriptor)
            _check_own(found)
            _check_changers(*access_problem(found, writers_of(descriptor)))
            _check_content(is_ours(os.pread(descriptor, most, 0)))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _create(self, name: str) -> int:
        descriptor = os.open(name, os.O_WRONLY | os.O_APPEND | _NEW, 0o600, dir_fd=self._fd)
        os.fchmod(descriptor, 0o600)  # whatever the umask says
        return descriptor

    def _step(self, name: str) -> None:
        if name == "..":
            self._enter(name, os.path.dirname(self._place))  # noqa: PTH120 - it is a text
            return
        place = os.path.join(self._place, name)  # noqa: PTH118 - as above
        try:
            found = os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            if self._make is None:
                raise
            os.mkdir(name, self._make, dir_fd=self._fd)
            found = os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            self._follow(name, place, found)
        elif stat.S_ISDIR(found.st_mode):
            self._enter(name, place)
        else:
            self._no_directory(name, place, found)

    def _no_directory(self, name: str, place: str, found: os.stat_result) -> None:  # noqa: ARG002 - for those who read
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))

    def _link_of_another(self, place: str, found: os.stat_result) -> None:
        raise UnsafeError(f"{place} is a symbolic link of {user_in_words(found.st_uid)}")

    def _follow(self, name: str, place: str, found: os.stat_result) -> None:
        if found.st_uid not in _trusted():
            self._link_of_another(place, found)
        self._links += 1
        if self._links > _LINKS_MOST:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = os.readlink(name, dir_fd=self._fd)
        if os.path.isabs(target):  # noqa: PTH117 - as above
            self._enter("/", "/")
        self._waiting += _steps(Path(target))

    def _enter(self, name: str, place: str) -> None:
        descriptor = os.open(name, _ENTER, dir_fd=self._fd if self._fd >= 0 else None)
        self.close()
        self._fd, self._place = descriptor, place
        # the descriptor may be one that only names the directory: its attributes are found by the name
        self._look(place, str(Path("/proc/self/fd", str(descriptor))), os.fstat(descriptor))

    def _look(self, place: str, handle: str, found: os.stat_result) -> None:
        self._problems[place] = access_problem(found, writers_of(handle))

    def _judge(self) -> None:
        """What is wrong with the directory itself, and with those on the way to it."""
        for place, (problem, grave) in self._problems.items():
            if problem and grave and place == self._place:
                self.refusal = f"{problem} the directory {place}"
            elif problem:
                self.remarks.append(f"{problem} the directory {place}, and can replace what is written there")


def write_private(path: str, pieces: Iterable[str], mode: int = 0o600) -> None:
    """Write a file, whole or not at all. Raises ConfigurationError.

    Only its owner can read it, unless ``mode`` says more; while it is written no other user can.
    """
    place = Path(path).expanduser()
    try:
        with Folder(place.parent) as folder:
            folder.refuse()
            folder.replace(place.name, pieces, mode)
    except UnsafeError as error:
        raise _unwritable(path, str(error)) from None
    except OSError as error:
        raise _unwritable(path, str(error.strerror)) from None


def _unwritable(path: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"{path!r} cannot be written: {reason}.", code="not_writable")


def remarks_on(path: str | Path) -> list[str]:
    """Who else can replace what is written to a directory, as sentences; nothing where that cannot be found out."""
    place = Path.cwd() / path
    for part in (place, *place.parents):
        try:
            with Folder(part) as folder:
                # a directory that is made later is ours, and what is above it is on the way to it
                grave = folder.refusal and part != place
                more = [f"{folder.refusal}, and can replace what is written there"] if grave else []
                return folder.remarks + more
        except (OSError, ValueError, UnsafeError):
            continue
    return []


def remarks_on_file(path: Path) -> list[str]:
    """Who else can change a file that is appended to; nothing where it is missing or no regular file."""
    try:
        found = path.lstat()
    except (OSError, ValueError):
        return []
    problem = stat.S_ISREG(found.st_mode) and access_problem(found, writers_of(str(path)))[0]
    return [f"{problem} the file {path}, and can change what is written there"] if problem else []


def _steps(path: Path) -> list[str]:
    """The names on the way, the last one first."""
    return [name for name in reversed(path.parts) if name != path.anchor]


def _trusted() -> tuple[int, int]:
    """Root, and the user who runs the module."""
    return 0, os.geteuid()


def access_problem(found: os.stat_result, listed: Writers | None) -> tuple[str, bool]:
    """Who else can change a file, or replace those of a directory, with a verb; and whether that is grave.

    A group that was chosen is not. In a sticky directory such as /tmp only the owner of a file can replace it.
    """
    if found.st_uid not in _trusted():
        return f"{user_in_words(found.st_uid)} owns", True
    if _is_sticky(found):
        return "", False
    if open_to_all(found):
        return "every user can write to", True
    if user := next(
        (user_in_words(number) for number in (listed.users if listed else ()) if number not in _trusted()), ""
    ):
        return f"{user}, whom an access control list names, can write to", True
    return _group_problem(found, listed), False


def open_to_all(found: os.stat_result) -> bool:
    """Whether every user can change a file, or replace those of a directory."""
    return bool(found.st_mode & stat.S_IWOTH) and not _is_sticky(found)


def _is_sticky(found: os.stat_result) -> bool:
    return stat.S_ISDIR(found.st_mode) and bool(found.st_mode & stat.S_ISVTX)


def _group_problem(found: os.stat_result, listed: Writers | None) -> str:
    own = listed.own_group if listed else bool(found.st_mode & stat.S_IWGRP)
    if own and (group := _shared_group(found.st_gid)):
        return f"{group} can write to"
    group = next(filter(None, map(_shared_group, listed.groups if listed else ())), "")
    return f"{group}, which an access control list names, can write to" if group else ""


def _shared_group(number: int) -> str:
    """The group in words, unless it is root's or the user's own and has no further members."""
    try:
        group = grp.getgrgid(number)
    except KeyError:
        return "" if number == 0 else f"the group {number}"
    own = {"root", _name(os.geteuid())}
    alone = set(group.gr_mem) <= own and (number == 0 or group.gr_name in own)
    return "" if alone else f"the group {group.gr_name}"


def user_in_words(number: int) -> str:
    """A user by name, or by number where the machine has no name."""
    name = _name(number)
    return f"the user {name}" if name else f"the user with the number {number}"


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return ""


def _check_content(ours: bool) -> None:
    if not ours:
        raise UnsafeError("it holds something else already; name a new file, or remove this one")


def _check_changers(problem: str, grave: bool) -> None:
    if grave:
        raise UnsafeError(f"{problem} it, and can change its lines")


def _check_own(found: os.stat_result) -> None:
    """Raise UnsafeError for what may be appended to by mistake."""
    if stat.S_ISDIR(found.st_mode):
        raise UnsafeError(os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        raise UnsafeError("it is not a file of the user who runs the module")
    if found.st_nlink != 1:
        raise UnsafeError("it has a second name (a hard link), so that another file would change, too")
