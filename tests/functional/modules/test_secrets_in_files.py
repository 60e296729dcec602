# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret of the run is in no file that the run writes, whoever has put it into a text: Ansible masks output alone."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._auth.weak_secrets import secrets_in_proxies
from ansible_collections.m365.licensing.plugins.module_utils._common.redaction import REMOVED, Redactor
from ansible_collections.m365.licensing.plugins.module_utils._graph.tenant import claims
from ansible_collections.m365.licensing.plugins.module_utils._http.proxies import written_in_proxies

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.functional.support.run_against_tenant import AUDIT, INFO, LICENSE, PLAN, run
from tests.simulator.launch import Tenant
from tests.simulator.login import issued
from tests.simulator.state import Json

SECRETS = {"plain": "S3cr3t~Planted", "markup": 'S3c|"t\\_*P<l>', "long": "L0ng~Secret+Value/0123456789abcdef="}
"""The tenant's texts are searched for those of 16 characters and more as they are read."""
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent": lambda text: quote(text, safe=""),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "HTML": html.escape,
}
CUT = 300
"""Characters of a cell in Markdown."""


def tenant_full_of(env: PlanHarness, said: str) -> list[Json]:
    """Everything that the tenant's users and administrators may name; rules that have it everywhere, too."""
    env.at_risk("anna", displayName=f"Anna {said}", department=said, jobTitle=said, companyName=said, country=said)
    env.at_risk("ben", department=f"Left {said}")
    env.at_risk("carl", department="x" * (CUT - len(said) // 2) + said)
    group = env.group(f"Group {said}", "anna@contoso.example")
    # long secrets are gone from names as they are read, so that no rule finds a group by one
    wanted = f"Group {said}" if len(said) < 16 else group
    over = {"action": "ignore", "reason": said, "until": "2001-01-01"}
    return [
        {"name": f"Over {said}", "match": {"department": said}, **over},
        {**EVERYBODY, "name": f"Anna {said}", "match": {"group": wanted}},
        {"name": f"Left {said}", "match": {"department": f"Left {said}"}, "action": "ignore", "reason": f"Gone {said}"},
        {
            "name": "Long",
            "match": {"department": f"*{said}"},
            "action": "ignore",
            "reason": "y" * (CUT - len(said) // 2) + said,
        },
        {**EVERYBODY, "name": "x" * 40 + said},
    ]


def files_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()}


def search(files: dict[str, str], *secrets: str) -> list[str]:
    """Where one of these is, in any spelling, or the beginning of one."""
    found = []
    for secret in secrets:
        for way, spell in SPELLINGS.items():
            form = spell(secret)
            pieces = {form, form[: max(7, len(form) // 2)]}
            for name, text in files.items():
                decoded = html.unescape(re.sub(r"\\([^\w\s])", r"\1", text))
                found += [f"{name}: {way}" for piece in pieces if piece in text or piece in decoded or piece in name]
    return found


def well_formed(files: dict[str, str]) -> None:
    """JSON is JSON, and each line of JSON Lines is."""
    for name, text in files.items():
        for line in [text] if name.endswith(".json") else text.splitlines() if not name.endswith(".md") else []:
            json.loads(line)


def everything(env: PlanHarness, folder: Path, said: str, environ: dict[str, str] | None = None, **more: Any) -> None:
    """Runs of all modules that write files, with all their files."""
    folder.mkdir()
    rules = tenant_full_of(env, said)
    files = {"output_path": str(folder / "rows"), "progress_path": str(folder / "progress")}
    usual = {"shared_mailbox_sizes": "never", "report_dir": str(folder / "reports"), "fail_on": "none", **more}
    names = {"report_name": f"name {said}", "exclude": [f"*{said}*"]}
    audit = run(env, AUDIT, environ, **usual, **files, **names, rules=rules)
    options = {**usual, **names, "rules": rules, "protected": [f"x{said}@contoso.example"]}
    plan = run(env, PLAN, environ, **options, mode="plan", output_path=str(folder / "plan-rows"))
    refused = run(env, PLAN, environ, **{**options, "report_name": f"refused {said}"}, mode="apply", max_changes=0)
    apply = run(env, PLAN, environ, **options, mode="apply", record_dir=str(folder / "records"))
    wish = {"users": ["ben@contoso.example"], "licenses": [{"sku": "EXCHANGESTANDARD"}]}
    by_hand = run(env, LICENSE, environ, **wish, **more, record_dir=str(folder / "r"), output_path=str(folder / "u"))
    info = run(env, INFO, environ, **more, output_path=str(folder / "info"))
    for result in (audit, plan, apply, by_hand, info):
        assert not result.get("failed"), result["msg"]
    assert refused["error"]["code"] == "plan_refused", refused["msg"]
    assert apply["summary"]["changed"] >= 1


@pytest.mark.parametrize(
    ("kind", "way"), [("plain", "as it is"), *(("markup", way) for way in SPELLINGS), ("long", "percent")]
)
def test_no_file_holds_the_clients_secret(tenant: Tenant, tmp_path: Path, kind: str, way: str) -> None:
    env = PlanHarness(tenant)
    secret = env.world.app.client_secret = SECRETS[kind]
    folder = tmp_path / "files"
    everything(env, folder, SPELLINGS[way](secret))
    files = files_of(folder)
    kinds = ("rows", "progress", "plan-rows", "u", "info", ".json", ".md", ".record.jsonl")
    assert [kind for kind in kinds if not any(name.endswith(kind) for name in files)] == []
    assert search(files, secret) == []
    well_formed(files)
    marked = [name for name, text in files.items() if REMOVED in text.replace("\\", "")]
    assert {Path(name).suffix for name in marked} >= {".json", ".md", ".jsonl"}
    assert any("secret_removed" in name for name in files), "the report's name had the secret"


def test_no_file_holds_other_secrets(tenant: Tenant, tmp_path: Path) -> None:
    """Of a certificate that is not used, of a proxy that is not asked, and tokens."""
    env = PlanHarness(tenant)
    env.at_risk("first")
    run(env, AUDIT, strategy="full")
    graph = env.tenant.env()["M365_GRAPH_URL"]
    tokens = {("graph" if graph in str(claims(token)["aud"]) else "exchange"): token for token in issued(env.world)}
    assert set(tokens) == {"graph", "exchange"}
    given = {
        "certificate_password": "Certific8~Password",
        "proxy": "Pr0xy~Password",
        "token": tokens["exchange"],
    }
    proxies = {"ftp_proxy": f"http://reader:{quote(given['proxy'], safe='')}@proxy.example:3128"}
    for kind, secret in given.items():
        folder = tmp_path / kind
        env = PlanHarness(tenant)
        more: Json = {"certificate_password": secret} if kind == "certificate_password" else {}
        if kind == "token":
            more = {"access_tokens": tokens, "auth_source": "access_tokens"}
        everything(env, folder, secret, proxies, **more)
        files = files_of(folder)
        assert search(files, secret) == [], kind
        well_formed(files)


def test_a_secret_that_looks_like_json_does_no_harm(tenant: Tenant, tmp_path: Path) -> None:
    """Only texts and keys are looked at: what stands between them stays."""
    texts = {}
    for number, secret in enumerate(['"action": "license"', ': null,\n "rule', '","status":"', "an-ordinary-secret"]):
        env = PlanHarness(tenant)
        env.world.app.client_secret = secret
        env.at_risk("anna")
        folder = tmp_path / str(number)
        folder.mkdir()
        rows = str(folder / "rows.jsonl")
        files: Json = {"report_dir": str(folder), "report_name": "contoso", "output_path": rows}
        run(env, PLAN, rules=[EVERYBODY], shared_mailbox_sizes="never", mode="plan", **files)
        texts[secret] = [(folder / name).read_text("utf-8") for name in ("contoso.json", "rows.jsonl")]
    report, lines = ([json.loads(text[at]) for text in texts.values()] for at in (0, 1))
    for found in report:
        del found["run"], found["generated"], found["tenant"]
        for row in found["users"] + found["mailboxes_before"]:
            assert row.pop("user_id")
            row.pop("mailbox_guid")
            row.pop("deadline")
            row.pop("created", None)
    assert report[0]["users"][0]["action"] == "license"
    assert [line["action"] for line in lines] == ["license"] * 4
    assert [found["users"] for found in report] == [report[-1]["users"]] * 4


@pytest.mark.parametrize("option", ["report_dir", "record_dir", "output_path", "progress_path"])
def test_a_path_that_shows_a_secret_is_refused(tenant: Tenant, tmp_path: Path, option: str) -> None:
    env = PlanHarness(tenant)
    secret = env.world.app.client_secret = SECRETS["plain"]
    options: Json = {"rules": [EVERYBODY], option: str(tmp_path / secret / "x")}
    result = run(env, PLAN, **options)
    assert result["msg"].startswith(f"{option}: the path contains a secret of this run")
    assert secret not in json.dumps(result)
    assert list(tmp_path.iterdir()) == []


# --- the parts --------------------------------------------------------------------------------------------------------


def knowing(*secrets: str) -> Redactor:
    redactor = Redactor()
    redactor.learn(*secrets)
    return redactor


def test_texts_and_keys_of_json_lose_secrets_and_all_else_stays() -> None:
    value = {"a": ["x S3cret/0123 y", {"S3cret/0123": 5, "b": None}], "S3cret\\/0123": "S3cret%2F0123", "n": 1.5}
    redactor = knowing("S3cret/0123")
    for indent in (None, 2):
        text = json.dumps(value, indent=indent)
        wanted = {"a": [f"x {REMOVED} y", {REMOVED: 5, "b": None}], REMOVED: REMOVED, "n": 1.5}
        assert json.loads(redactor.mask_json(text)) == wanted
        assert redactor.mask_data(value) == wanted
        assert redactor.mask_json(json.dumps({"b": "c"}, indent=indent)) == json.dumps({"b": "c"}, indent=indent)


@pytest.mark.parametrize("secret", ["a", '"', "{}", "true", '": "', "1234567"])
def test_short_secrets_are_left_in_files(secret: str) -> None:
    """A run refuses to use them; one that is left over in an address would make holes in every key."""
    value = {"a": 'b"', "true": "1234567", secret: secret}
    assert knowing(secret).mask_data(value) == value
    assert json.loads(knowing(secret).mask_json(json.dumps(value))) == value
    assert secret not in knowing(secret).mask(f"<{secret}>").replace(REMOVED, "")


def test_credentials_of_proxies_are_known_in_both_spellings() -> None:
    environ = {
        "HTTPS_PROXY": "http://me:pass%2Fword-1@proxy.example:3128",
        "no_proxy": "contoso.example",
        "all_proxy": "socks5://other@x",
        "HTTP_PROXY": "",
    }
    found = written_in_proxies(environ)
    assert found == ["me:pass%2Fword-1", "me:pass/word-1", "pass%2Fword-1", "pass/word-1", "other"]
    assert "other" not in secrets_in_proxies(environ), "it occurs in ordinary data"
    assert "pass/word-1" in secrets_in_proxies(environ)
