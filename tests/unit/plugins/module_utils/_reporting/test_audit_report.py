# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows and Markdown of an audit; no name in them becomes markup."""

from __future__ import annotations

import json

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Deadline,
    Finding,
    Mailbox,
    RecipientType,
)
from ansible_collections.m365.licensing.plugins.module_utils._reporting.audit_report import audit_markdown, audit_row

from tests.unit.support.sample_tenant import (
    BY_ID,
    HOLD,
    NOW,
    SPE_E3,
    direct,
    finding,
    user,
)

EVIL = "<img src=x onerror=alert(1)>|[a](javascript:x)\n# **{{ 7*7 }}** `x` \u202egnp @octocat http://evil www.evil.com"


def test_audit_row_holds_what_the_module_returns() -> None:
    who = user("anna", direct(SPE_E3), department="Sales")
    mailbox = Mailbox(
        who.id, who.user_principal_name, RecipientType.USER, guid="g", primary_smtp_address="a@b", created=NOW
    )
    row = audit_row(finding(who, days=3, needs=HOLD)._replace(mailbox=mailbox), BY_ID, BUILTIN)
    assert row["needs"] == [["archiving", "kiosk"], ["archiving", "plan1"], ["plan2"]]
    assert row["created"] == "2026-06-15T12:00:00Z"
    assert row["deadline"] == "2026-06-18T12:00:00Z"
    assert row["licenses"][0]["sku"] == "SPE_E3"
    assert (row["department"], row["mailbox_guid"], row["display_name"]) == ("Sales", "g", "Anna")
    json.dumps(row)


def test_a_finding_without_user_and_mailbox_is_a_row_too() -> None:
    bare = Finding("", "", RecipientType.SHARED, "no_license", (), (), Deadline(), "warning", None, None, None)
    row = audit_row(bare, BY_ID, BUILTIN)
    assert (row["deadline"], row["licenses"], row["usage_location"], row["mailbox_guid"]) == (None, None, None, "")
    assert audit_markdown([row])


def test_the_audit_in_markdown() -> None:
    rows = [
        audit_row(finding(user(name), days=days), BY_ID, BUILTIN) for name, days in (("a", -2), ("b", 3), ("c", None))
    ]
    text = audit_markdown(rows, facts={"mailboxes_examined": 12}, warnings=["No beta"], generated=NOW)
    assert "**3 mailboxes and archives** would be lost" in text
    assert "- mailboxes examined: 12" in text
    assert "- No beta" in text
    assert text.index("| overdue | 1 |") < text.index("| critical | 1 |") < text.index("| warning | 1 |")
    assert "| 2026-06-18 (estimated) | 3 | critical | b@contoso.com |" in text
    shorter = audit_markdown(rows, limit=1)
    assert "… and 2 more; the JSON report holds all of them." in shorter


def test_nothing_at_risk_is_said_in_words() -> None:
    assert audit_markdown([]) == "# Mailboxes and archives at risk\n\nNothing is at risk.\n"


def test_a_hostile_name_becomes_neither_markup_nor_a_second_line() -> None:
    row = audit_row(finding(user("a", user_principal_name=EVIL)), BY_ID, BUILTIN)
    calm = audit_row(finding(user("a")), BY_ID, BUILTIN)
    text, usual = audit_markdown([row]), audit_markdown([calm])
    assert len(text.splitlines()) == len(usual.splitlines())
    assert "<img" not in text
    assert "http://" not in text
    assert "[a](" not in text
    assert "\u202e" not in text
