# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON of results: one row a line, whatever texts it holds."""

from __future__ import annotations

import json

from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import json_lines, to_json

HOSTILE = "<img src=x onerror=alert(1)>|[a](javascript:x)\n# **{{ 7*7 }}** `x` \u202egnp @octocat http://evil"


def test_json_lines_has_one_row_a_line() -> None:
    rows = [{"name": HOSTILE}, {"name": "a\u2028b\x85c"}, {"name": "\ud800"}]
    text = json_lines(rows)
    assert text.isascii()
    assert [json.loads(line) for line in text.splitlines()] == rows
    assert json_lines([]) == ""
    assert to_json({"a": 1}) == '{\n  "a": 1\n}\n'
