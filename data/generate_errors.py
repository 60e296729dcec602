# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/errors.md: an entry for each ``error.code`` that the plugins can return.

The codes and the remedies of refused licenses are read from the plugins, what happened is written here. A test fails
while page and code differ, or while a code has no entry.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
PLUGINS = HERE.parent / "plugins"
REFUSALS = PLUGINS / "module_utils" / "_licensing" / "refusals.py"
TARGET = HERE.parent / "docs" / "errors.md"


class Entry(NamedTuple):
    """What a code means; an empty ``remedy`` is taken from the code."""

    happened: str
    remedy: str = ""


TASK = {
    "AADSTS*": Entry(
        "Microsoft Entra refused to sign the app in; the number is its own",
        "See [signing-in.md](signing-in.md#when-it-does-not-work).",
    ),
    "access_token_refused": Entry(
        "A service refused a token of `access_tokens` with 401", "Get a new token for the audience that the hint names."
    ),
    "audit_incomplete": Entry(
        "The audit could not read everything, so more may be at risk",
        "Run `ansible-playbook m365.licensing.preflight` and grant what is missing; or narrow `recipient_types`; or "
        "set `allow_incomplete`.",
    ),
    "authentication_failed": Entry(
        "Microsoft Entra refused to sign the app in, without a number", "Read its words in the message."
    ),
    "certificate_dates": Entry(
        "The certificate of the app has expired or is not valid yet",
        "Renew the certificate, or correct the clock of the machine.",
    ),
    "certificate_not_trusted": Entry(
        "No known authority vouches for the certificate of a server", "Set `ca_path` to the certificate of your CA."
    ),
    "deadline_too_close": Entry(
        "A mailbox stays at risk and its deadline is within `fail_within_days`",
        "License the user, or add an exception. See [on-call.md](on-call.md).",
    ),
    "foreign_link": Entry(
        "An answer led to another server, so the token was not sent there",
        "Check `graph_url`, `exchange_url` and any proxy; report it if they are right.",
    ),
    "groups_undecided": Entry(
        "A group in a rule has no or several matches, and users depend on it",
        "Write the group's id into the rule. See [rules.md](rules.md#groups).",
    ),
    "http_*": Entry(
        "A service answered with this HTTP status until `retry_seconds` had passed, or gave no code of its own",
        "429 and 5xx: run again later, or raise `retry_seconds`. Others: read the message.",
    ),
    "incomplete_answer": Entry(
        "A page or a part of an answer was lost, cut short, repeated or not readable",
        "Run again. If it stays, check the proxy, then report it with `request_id`.",
    ),
    "insufficient_seats": Entry(
        "`on_insufficient_seats: fail` and there are fewer seats than users; nothing was written",
        "Buy or free seats, or set `on_insufficient_seats: skip`.",
    ),
    "interrupted": Entry(
        "The run was stopped; each row says what happened to its user",
        "Run again. See [on-call.md](on-call.md#when-a-run-is-stopped-or-killed).",
    ),
    "invalid_options": Entry(
        "An option is missing, wrong or contradicts another one; `problems` lists all", "Correct the options."
    ),
    "invalid_rules": Entry(
        "The rules have mistakes; `problems` lists all with their places", "Correct the rules: [rules.md](rules.md)."
    ),
    "invalid_variables": Entry(
        "A variable of the host is unknown, misspelt or empty", "Use the name or the value that the message proposes."
    ),
    "left_at_risk": Entry(
        "Mailboxes that `fail_on` means stay at risk, and no exception covers them",
        "License them, or add an exception. See [on-call.md](on-call.md).",
    ),
    "libraries": Entry(
        "msal, requests or urllib3 is missing or too old in the Python that runs the module",
        "Run the command in the message, or set `ansible_python_interpreter`. See "
        "[execution-environments.md](execution-environments.md#which-python-runs-the-modules).",
    ),
    "managed_identity_failed": Entry(
        "The managed identity endpoint gave no token", "Check that the machine has this identity, and `client_id`."
    ),
    "managed_identity_unreachable": Entry(
        "The managed identity endpoint did not answer",
        "Run on an Azure machine, in a container with the network of its host; or choose another `auth_source`.",
    ),
    "names_concealed": Entry(
        "The tenant hides names in its usage reports, so sizes cannot be matched",
        "Microsoft 365 admin center: Settings, Org settings, Reports, *Display concealed user names*.",
    ),
    "no_identity_platform": Entry(
        "The address for signing in did not answer as Microsoft Entra does",
        "Check `login_url`, `cloud` and `tenant_id`.",
    ),
    "no_signal": Entry(
        "Graph and Exchange both refused to show users and mailboxes",
        "Run `ansible-playbook m365.licensing.preflight` and grant what is missing.",
    ),
    "no_users": Entry("Rules need users, and Graph refused to list them", "Grant `User.Read.All`."),
    "not_writable": Entry(
        "A report, a record, a progress file or an output file cannot be written",
        "Correct the path or its permissions. Without a record nothing is written to the tenant.",
    ),
    "permissions_missing": Entry(
        "The preflight found that a module of `fail_if_missing` lacks a permission", "Grant what its table names."
    ),
    "plan_refused": Entry(
        "A guard rejected the plan, and nothing was written",
        "Look at the plan, then change the rules or the guard: [rules.md](rules.md#before-the-first-write).",
    ),
    "proxy": Entry("A variable names a proxy that cannot be used", "Correct the variable that the message names."),
    "sizes_unknown": Entry(
        "Too many mailboxes would lose Plan 2 to measure each, and no report gives their sizes",
        "Grant `Reports.Read.All`, or name fewer users in a task.",
    ),
    "unexpected_error": Entry(
        "The collection has a defect; the result says what was written before", "Report it with the message. Run again."
    ),
    "unreachable": Entry(
        "A service could not be reached within `retry_seconds`", "Check address, network and proxy, then run again."
    ),
    "unsafe_file": Entry(
        "Every user of the machine can change a file that the run relies on", "Remove that right: `chmod o-w`."
    ),
    "user_not_found": Entry(
        "No user has this name or id, or the user was deleted during the run",
        "Correct the name, or leave the user out.",
    ),
    "users_failed": Entry(
        "Some users failed; the rows say why", "Follow the code of each row, then run the same again."
    ),
    "would_uncover": Entry(
        "The change would take away what mailboxes need, and nothing was written",
        "Keep or assign a license that covers them, or set `allow_uncovered`.",
    ),
    "wrong_tenant": Entry(
        "The credentials lead to a tenant without the domain in `expected_domain`",
        "Use the credentials of the tenant that you mean, or correct `expected_domain`.",
    ),
}
"""Codes with which a task fails. Where users fail, ``m365_user_license`` fails with the code of the first user."""

ROW = {
    "changed_meanwhile": Entry(
        "Someone else changed the user, and the change would now take away what keeps the mailbox", "Run again."
    ),
    "company_sku": Entry("The SKU applies to the whole company"),
    "conflict": Entry("Someone else wrote the user at the same time", "Run again."),
    "duplicate_proxy_address": Entry("Another object has the same mail address"),
    "inherited_license": Entry("The license comes from a group, so it cannot be removed from the user"),
    "license_error": Entry(
        "The service accepted the license and then could not assign it", "Read the reason in the message."
    ),
    "missing_dependency": Entry("A service plan needs another one that the user would not have"),
    "mutually_exclusive_plans": Entry("Two service plans of the user exclude each other"),
    "no_changes": Entry("The service saw nothing to change, yet the user does not show what was asked for"),
    "no_seats": Entry("No seat of the SKU is left for this user"),
    "not_assigned": Entry("The user shows a license that the service does not find"),
    "not_sent": Entry("The request was not sent", "Read the message; then run again."),
    "not_tried": Entry("An earlier failure or the end of the run kept the user from being tried", "Run again."),
    "permission_denied": Entry(
        "The service refused the write with 401 or 403: the app lacks a permission, or the user is protected",
        "Run `ansible-playbook m365.licensing.preflight`. If other users are written, see "
        "[signing-in.md](signing-in.md#when-it-does-not-work).",
    ),
    "service_unavailable": Entry("The service failed with 5xx until `retry_seconds` had passed", "Run again later."),
    "throttled": Entry(
        "The service throttled the write until `retry_seconds` had passed", "Raise `retry_seconds`, or run again later."
    ),
    "unknown_outcome": Entry(
        "A write was sent and its effect is not known", "Run again: it reads the user first and sends what is missing."
    ),
    "unknown_plan": Entry("The SKU does not carry a service plan of the request any more"),
    "unknown_sku": Entry("The tenant does not have the SKU any more"),
    "usage_location": Entry("The user has no usage location, or the license is not offered in it"),
    "usage_location_refused": Entry(
        "The service refused the usage location",
        "Use a two-letter code, such as GB; for a synchronized user set it on premises.",
    ),
}
"""Codes in ``error`` of a user's row."""

HEAD = """\
<!--
Copyright (c) 2026 m365.licensing contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->
# Errors by code

A task that fails returns `error` with a `code` for programs, a `message`, and a `hint` that says what to do in this
case. Codes are an interface: they change only as [upgrading.md](upgrading.md) says. `data/generate_errors.py` makes
this page from the code. `*` stands for a number.

## Codes of a task

| `error.code` | what happened | what to do |
|---|---|---|
"""
ROWS = """
## Codes of a user

A user's row has them in `error`, in results and reports; a line of a record has them as well. If users fail,
`m365_user_license` fails with the code of the first user, and `m365_license_plan` with `users_failed`. If the app lacks
a permission, both fail with `permission_denied`.

| `error.code` | what happened | what to do |
|---|---|---|
"""
TAIL = """
Any other code is the service's own, such as `Request_BadRequest`, passed on with its text.
"""


def render() -> str:
    """The page."""
    remedies = _remedies()
    return HEAD + _table(TASK, remedies) + ROWS + _table(ROW, remedies) + TAIL


def _table(entries: dict[str, Entry], remedies: dict[str, str]) -> str:
    return "".join(
        f"| `{code}` | {entry.happened} | {entry.remedy or remedies[code]} |\n"
        for code, entry in sorted(entries.items())
    )


def codes() -> set[str]:
    """Every code that the plugins can return; ``*`` stands for what is put in at run time."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PLUGINS.rglob("*.py"))]
    constants = {name: text for tree in trees for name, text in _constants(tree)}
    positions = {name: place for tree in trees for name, place in _positions(tree)}
    found: set[str] = set(_remedies())
    for tree in trees:
        for node in ast.walk(tree):
            for value in _code_values(node, positions):
                found |= _words(value, constants)
    return found | _words_of_tables()


def _remedies() -> dict[str, str]:
    """The way out of each refusal, from the first table of ``refusals.py``."""
    for node in ast.parse(REFUSALS.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Dict):
            table: dict[str, str] = ast.literal_eval(node.value)
            return table
    raise ValueError(f"{REFUSALS} has no table")


def _words_of_tables() -> set[str]:
    """What the tables of ``refusals.py`` turn the service's words into."""
    found = set()
    for node in ast.parse(REFUSALS.read_text(encoding="utf-8")).body[1:]:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            if isinstance(node.value, ast.Dict):
                found |= {value.value for value in node.value.values if isinstance(value, ast.Constant)}
            elif isinstance(node.value, ast.Tuple):
                found |= {ast.literal_eval(pair)[1] for pair in node.value.elts}
    return {text for text in found if isinstance(text, str) and " " not in text}


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names of a module that stand for a text."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from ((target.id, node.value.value) for target in node.targets if isinstance(target, ast.Name))


def _positions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Functions and records that take a code, and at which position."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        elif isinstance(node, ast.ClassDef):
            fields = [item.target for item in node.body if isinstance(item, ast.AnnAssign)]
            names = [field.id for field in fields if isinstance(field, ast.Name)]
        if "code" in names and isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name, names.index("code")


def _code_values(node: ast.AST, positions: dict[str, int]) -> Iterator[ast.expr]:
    """The expressions that become a code here."""
    if isinstance(node, ast.Call):
        yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")
        place = positions.get(getattr(node.func, "id", getattr(node.func, "attr", "")))
        if place is not None and len(node.args) > place:
            yield node.args[place]
    elif isinstance(node, ast.FunctionDef):
        arguments = node.args
        defaults = [*zip(reversed(arguments.args), reversed(arguments.defaults), strict=False)]
        for argument, default in [*defaults, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]:
            if argument.arg == "code" and default is not None:
                yield default
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from (value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "code")
    elif isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "code" for target in node.targets):
        yield node.value


def _words(value: ast.expr, constants: dict[str, str]) -> set[str]:
    """The texts that an expression can be."""
    parts: list[ast.expr] = []
    if isinstance(value, ast.Constant):
        return {value.value} if isinstance(value.value, str) and value.value else set()
    if isinstance(value, ast.Name):
        return {constants[value.id]} if value.id in constants else set()
    if isinstance(value, ast.JoinedStr):
        return {"".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in value.values)}
    if isinstance(value, ast.IfExp):
        parts = [value.body, value.orelse]
    elif isinstance(value, ast.BoolOp):
        parts = value.values
    elif isinstance(value, ast.Call) and getattr(value.func, "attr", "") == "get":
        parts = value.args[1:]
    return {word for part in parts for word in _words(part, constants)}


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
