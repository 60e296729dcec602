# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of ``exo_unlicensed_mailbox_info``: options to an audit, and an audit to the result and the reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit, AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError, summarize
from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import to_json, to_plain
from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import parse_time
from ansible_collections.m365.licensing.plugins.module_utils._licensing.alarms import (
    FAIL_ON,
    AlarmRaised,
    Reason,
    audit_reasons,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.deadlines import urgency
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Finding, RecipientType
from ansible_collections.m365.licensing.plugins.module_utils._remediate.exceptions import (
    check_rules,
    count,
    find_exceptions,
    hidden_shared_warnings,
)
from ansible_collections.m365.licensing.plugins.module_utils._reporting.audit_report import audit_markdown, audit_row
from ansible_collections.m365.licensing.plugins.module_utils._reporting.markdown import MARKDOWN_ROWS, group_markdown
from ansible_collections.m365.licensing.plugins.module_utils._reporting.run_facts import head_facts, run_facts
from ansible_collections.m365.licensing.plugins.module_utils._rules.file import RULES_SPEC, take_rules

from .module import Context
from .report_files import (
    report_place,
    report_stem,
    write_reports,
)

MAILBOX_PLANS_SPEC: dict[str, Any] = {
    "type": "dict",
    "options": {
        "add": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "plan": {"type": "str", "required": True},
                "grants": {
                    "type": "str",
                    "required": True,
                    "choices": ["plan1", "plan2", "kiosk", "archiving", "archive"],
                },
            },
        },
        "remove": {"type": "list", "elements": "str", "default": []},
    },
}
"""The option ``mailbox_plans``, the same in every module that has it."""

AUDIT_SPEC: dict[str, dict[str, Any]] = {
    "recipient_types": {"type": "list", "elements": "str", "choices": [item.value for item in RecipientType]},
    "grace_period_days": {"type": "int", "default": 30},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "strategy": {"type": "str", "default": "auto", "choices": ["auto", "filtered", "full"]},
    "shared_mailbox_sizes": {"type": "str", "default": "auto", "choices": ["auto", "always", "never"]},
    "mailbox_plans": MAILBOX_PLANS_SPEC,
    "now": {"type": "str"},
    "variable_prefix": {"type": "str"},
}
"""The options of an audit, the same in every module that audits."""


GRACE_DAYS_MAX = 3650
"""Ten years. A larger value is a typo, and its dates may be beyond the calendar."""


def audit_options(params: Mapping[str, Any]) -> AuditOptions:
    """The options, checked. Raises ConfigurationError with every problem, before any request."""
    problems = [
        f"{name}: expected a number of days from {least} on, found {params[name]}"
        for name, least in (("grace_period_days", 1), ("due_within_days", 0), ("fail_within_days", 0))
        if params.get(name) is not None and params[name] < least
    ]
    if params["grace_period_days"] > GRACE_DAYS_MAX:
        problems.append(
            f"grace_period_days: expected at most {GRACE_DAYS_MAX} days, found {params['grace_period_days']}"
        )
    moment: datetime | None = None
    if params.get("now"):
        try:
            moment = parse_time(params["now"])
            if moment is None:
                problems.append("now: expected a time such as 2026-06-15T12:00:00Z")
        except ValueError as error:
            problems.append(f"now: {error}")
    for name in ("identities", "exclude"):
        problems += [
            f"{name}[{index}]: expected a user, found an empty text"
            for index, text in enumerate(params.get(name) or ())
            if not text.strip()
        ]
    problems += [
        f"{name}: the list is empty; leave the option out to audit {everything}"
        for name, everything in (("recipient_types", "all of them"), ("identities", "all users"))
        if params.get(name) == []
    ]
    if problems:
        raise ConfigurationError(problems)
    return AuditOptions(
        now=moment,
        recipient_types=tuple(RecipientType(item) for item in params.get("recipient_types") or RecipientType),
        grace_period_days=params["grace_period_days"],
        due_within_days=params.get("due_within_days"),
        identities=tuple(params.get("identities") or ()),
        exclude=tuple(params["exclude"]),
        strategy=params["strategy"],
        shared_mailbox_sizes=params["shared_mailbox_sizes"],
        catalog=BUILTIN.with_overrides(params.get("mailbox_plans")),
    )


ALARM_SPEC: dict[str, dict[str, Any]] = {
    "fail_within_days": {"type": "int"},
    "fail_on": {"type": "str", "choices": list(FAIL_ON), "default": "none"},
    "allow_incomplete": {"type": "bool"},
    **RULES_SPEC,
}
"""The options that decide when a task fails after a successful audit."""


def run_audit(context: Context) -> dict[str, Any]:
    """The module ``exo_unlicensed_mailbox_info``."""
    params = context.params
    context.warn_all(take_rules(context.params))
    options = audit_options(params)
    place = report_place(params)
    rules = check_rules(context.graph, params["rules"], options.catalog, params["rules_label"])
    tenant, began = context.tenant, context.client.wall.now()
    found = audit(context.graph, context.exchange, options)
    # Mailboxes that due_within_days leaves out of the rows are also at risk, so alarms count them.
    everything = [*found.findings, *found.later]
    every_cover = find_exceptions(context.graph, found, everything, rules, options.catalog)
    covering = every_cover[: len(found.findings)]
    found.readings.warnings += hidden_shared_warnings(everything, every_cover)
    for text in found.warnings:
        context.warn(text)
    rows = [
        {**audit_row(finding, found.readings.skus, options.catalog), "excepted": item.row() if item else None}
        for finding, item in zip(found.findings, covering, strict=True)
    ]
    result: dict[str, Any] = {
        "changed": False,
        "tenant": tenant.row(),
        "run": run_facts(
            "audit",
            application=context.application,
            time=began,
            check_mode=context.check_mode,
            validate_certs=params["validate_certs"],
            params=params,
        ),
        "mailboxes": rows,
        "summary": {**found.summary(), "excepted": count(covering), "requests": context.client.requests},
        "no_mailbox_rights": list(found.no_mailbox_rights),
        "disagreements": list(found.disagreements),
        "groups": [item.row() for item in rules.groups] if rules else [],
    }
    context.warn_all([*(rules.warnings if rules else ()), *no_rights_warnings(found)])
    if place is not None:
        mask = context.client.redactor.mask_data
        name = mask(params["report_name"] or context.options.tenant_id)
        texts = _reports(found, result, name, place.formats, mask)
        result["reports"] = write_reports(context, place, [f"{report_stem(name)}-audit"], texts, result)
    covers = [(finding, item is not None) for finding, item in zip(everything, every_cover, strict=True)]
    reasons = alarms(found, covers, params, result.get("reports", ()))
    if reasons:
        raise AlarmRaised(reasons, result)
    return result


def alarms(
    found: Audit, covers: Iterable[tuple[Finding, bool]], params: Mapping[str, Any], reports: Sequence[str]
) -> list[Reason]:
    """Why the task fails, with its whole result; ``covers``: all at risk, and whether an exception covers it."""
    within_days, fail_on, allowed = params["fail_within_days"], params["fail_on"], params["allow_incomplete"]
    if allowed is None:
        allowed = within_days is None and fail_on == "none"
    incomplete = None if allowed else found.readings.incomplete()
    files = [path for path in (params["output_path"], *sorted(reports, key=_for_people)) if path]
    place = f"The rows are in {files[0]}." if files else "Set output_path or report_dir to have all rows in a file."
    hint = f"{place} License these users, for example with the playbook m365.licensing.remediate."
    reasons = [incomplete] if incomplete else []
    in_order = sorted(covers, key=lambda item: urgency(item[0]))
    findings, excepted = [finding for finding, _covered in in_order], [covered for _finding, covered in in_order]
    return reasons + audit_reasons(findings, excepted, within_days=within_days, fail_on=fail_on, hint=hint)


def _for_people(path: str) -> bool:
    return path.endswith(".md")


def _reports(
    found: Audit, result: Mapping[str, Any], name: str, formats: Sequence[str], mask: Callable[[Any], Any]
) -> dict[str, str]:
    """The report by file ending: ``md`` for people, ``json`` for programs."""
    texts: dict[str, str] = {}
    if "md" in formats:
        facts = {
            **head_facts(result["tenant"], result["run"]),
            "mailboxes examined": found.examined,
            "strategy": found.readings.strategy,
            "requests": result["summary"]["requests"],
        }
        if gone := found.readings.kept_without_user:
            facts = {**facts, "soft-deleted mailboxes whose user is gone": f"{len(gone)}: {summarize(gone)}"}
        if gaps := found.readings.gaps:
            facts = {"NOT read": "; ".join(gaps), **facts}
        texts["md"] = audit_markdown(
            result["mailboxes"],
            tenant=name,
            generated=found.now,
            facts=mask(facts),
            warnings=mask(found.warnings),
            limit=MARKDOWN_ROWS if "json" in formats else None,
            mask=mask,
        ) + group_markdown(mask(result["groups"]))
    if "json" in formats:
        kept = ("tenant", "run", "summary", "mailboxes", "no_mailbox_rights", "disagreements", "groups")
        header = {"name": name, "generated": found.now, "warnings": found.warnings}
        texts["json"] = to_json(to_plain({**header, **{key: result[key] for key in kept}}))
    return texts


def no_rights_warnings(found: Audit) -> list[str]:
    """The warnings ``no_mailbox_rights``, with the first names: no rights, and rights that are not known."""
    warnings = []
    known = [str(row["user_principal_name"]) for row in found.no_mailbox_rights if not row["rights_unknown"]]
    if known:
        warnings.append(
            "no_mailbox_rights: the license of these users carries an Exchange plan without the right to a mailbox: "
            f"{summarize(known)}"
        )
    unsure = [row for row in found.no_mailbox_rights if row["rights_unknown"]]
    if unsure:
        skus = ", ".join(sorted({sku for row in unsure for sku in row["skus"]}))
        warnings.append(
            f"no_mailbox_rights: no table of SKUs has {skus}, whose Exchange plan comes with Teams as in licenses "
            "without the right to a mailbox. It is not known whether the mailboxes of these users are covered: "
            f"{summarize([str(row['user_principal_name']) for row in unsure])}"
        )
    return warnings
