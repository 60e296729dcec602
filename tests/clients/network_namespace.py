# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command with Microsoft's names on this machine: ``python -m tests.clients.network_namespace -- COMMAND…``.

The command gets a network namespace with loopback alone, and a mount namespace whose /etc/hosts names the addresses of
the simulated tenant. So a client needs no option and no change, and cannot reach the real services. The kernel
must allow users to make namespaces; otherwise the program ends with a message.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.simulator.launch import REAL_NAMES

HOSTS = Path("/etc/hosts")
UNSHARE = (("--user", "--map-root-user", "--mount", "--net"), ("--mount", "--net"))
"""As any user; then as root, if users may not make namespaces."""
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
ADVICE = (
    "cannot make namespaces (unshare --user --map-root-user --mount --net), so Microsoft's names cannot lead to the "
    "simulated tenant. Needed: Linux with util-linux and mount; user namespaces allowed (sysctl "
    "kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0) or root with CAP_SYS_ADMIN."
)


def main(command: list[str]) -> None:
    """Start this program again within namespaces; never returns."""
    program = shutil.which("unshare")
    for options in UNSHARE if program else ():
        words = [str(program), *options, "--"]
        tried = subprocess.run([*words, "true"], capture_output=True, check=False)  # noqa: S603 - a fixed command
        if tried.returncode == 0:
            again = [*words, sys.executable, "-m", "tests.clients.network_namespace", "--inside", *command]
            os.execv(str(program), again)  # noqa: S606 - no shell is needed
    sys.exit(f"tests/clients: {ADVICE}")


def inside(command: list[str]) -> None:
    """Set up loopback and names within the namespaces, then run the command; never returns."""
    _loopback_up()
    with tempfile.NamedTemporaryFile("w", prefix="m365-hosts-", delete=False, encoding="utf-8") as hosts:
        hosts.write("127.0.0.1 localhost\n")
        hosts.writelines(f"{address} {name}\n" for name, address in REAL_NAMES.values())
    Path(hosts.name).chmod(0o644)
    try:
        subprocess.run(["mount", "--bind", hosts.name, str(HOSTS)], check=True)  # noqa: S603, S607 - a fixed command
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"tests/clients: {HOSTS} cannot be covered by a file of its own ({error})")
    finally:
        Path(hosts.name).unlink()
    for name, address in REAL_NAMES.values():
        found = {entry[4][0] for entry in socket.getaddrinfo(name, None, socket.AF_INET)}
        if found != {address}:
            sys.exit(f"tests/clients: {name} means {found}, not {address}: /etc/nsswitch.conf must ask `files` first")
    os.execvp(command[0], command)  # noqa: S606 - what the caller asked for


def _loopback_up() -> None:
    """What ``ip link set lo up`` does, without the program."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2:])
    main(sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:])
