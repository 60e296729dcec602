# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that wants the memory of the machine that asks it: how much does a module take, against an honest answer?"""

from __future__ import annotations

import functools
import gzip
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._http import body as http_body
from ansible_collections.m365.licensing.plugins.module_utils._http.body import WrongBodyError, parse_json

from tests.functional.support.scripted_server import JSON, Reply, document, serving

MODULE = "ansible_collections.m365.licensing.plugins.modules.m365_subscription_info"
LIMIT = 4 * 2**20
MORE = 4 * LIMIT
"""What such an answer may cost at most: its bytes as they come and as they are joined, a text of them, some slack."""
HONEST = document({"value": []})
PACKED = JSON | {"Content-Encoding": "gzip"}
BLOCK = b" " * 2**16

PROBE = """
import os, pathlib, runpy
try:
    runpy.run_module(os.environ["MODULE"], run_name="__main__", alter_sys=True)
finally:
    told = pathlib.Path("/proc/self/status").read_text()
    pathlib.Path(os.environ["PEAK"]).write_text(next(line for line in told.splitlines() if line.startswith("VmHWM:")))
"""
"""Runs a module in its process and writes down the most memory that the process ever had."""


@functools.cache
def endless_member() -> bytes:
    """The beginning of a gzip stream, and what goes on and on after it: blanks, packed a thousand to one."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(BLOCK) + packer.flush(zlib.Z_FULL_FLUSH)


@functools.cache
def endless_more() -> bytes:
    """What may follow ``endless_member``, any number of times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(BLOCK * 64) + packer.flush(zlib.Z_FULL_FLUSH)


def hostile() -> dict[str, Reply]:
    """Answers by what they are."""
    start = b'{"value": ["'
    return {
        "too large": Reply(200, start + b"x" * (8 * LIMIT) + b'"]}'),
        "endless": Reply(200, start, endless=BLOCK),
        "packed": Reply(200, gzip.compress(BLOCK * (16 * LIMIT // len(BLOCK))), PACKED),
        "packed and endless": Reply(200, endless_member(), PACKED, endless=endless_more()),
        "packed in endlessly many streams": Reply(200, b"", PACKED, endless=gzip.compress(BLOCK)),
        "endless refusal": Reply(400, b"{", endless=BLOCK),
    }


def cost(answer: Reply, folder: Path) -> tuple[int, dict[str, Any]]:
    """The most memory, in bytes, of a module that gets this answer; and its result."""
    folder.mkdir(exist_ok=True)
    with serving(lambda _: answer, folder) as server:
        params = {
            "access_tokens": {"graph": "a-ready-token"},
            "graph_url": server.url,
            "ca_path": str(server.ca_path),
            "max_response_bytes": LIMIT,
            "retry_seconds": 0,
        }
        done = subprocess.run(  # noqa: S603 - a module of ours
            [sys.executable, "-c", PROBE],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": params}),
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "MODULE": MODULE, "PEAK": str(folder / "peak")},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    words = (folder / "peak").read_text(encoding="utf-8").split()
    return int(words[1]) * 1024, json.loads(done.stdout)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> int:
    """What an ordinary run takes."""
    peak, result = cost(HONEST, tmp_path_factory.mktemp("honest"))
    assert not result.get("failed"), result
    return peak


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the most memory of a process")
@pytest.mark.parametrize("name", hostile())
def test_no_answer_takes_much_more_memory_than_an_honest_one(name: str, honest: int, tmp_path: Path) -> None:
    peak, result = cost(hostile()[name], tmp_path / "hostile")
    assert result["failed"], result
    assert peak - honest < MORE, f"{(peak - honest) / 2**20:.1f} MiB more than an honest answer"
    said = "400" if "refusal" in name else f"larger than {LIMIT} bytes (max_response_bytes)"
    assert said in result["msg"]


# a list takes two bytes, and one: so many brackets open half as many lists
@pytest.mark.parametrize(
    ("one", "count"), [(b"{},", 1001), (b"[],", 1001), (b"0,", 1001), (b'{"":', 1001), (b"[", 2001)]
)
def test_many_tiny_values_are_not_made_objects(one: bytes, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MiB of ``{},`` would take more than a gigabyte."""
    monkeypatch.setattr(http_body, "MAX_VALUES", 1000)
    with pytest.raises(WrongBodyError, match="more than 1000 values"):
        parse_json(b"[" + one * count + b"0]", "application/json")
    assert len(parse_json(b"[" + b"0," * 998 + b"0]", "application/json")) == 999
