# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of ``m365_license_plan`` to a plan, and from a plan to its result and its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._assign.apply import Written
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import AuditOptions
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku
from ansible_collections.m365.licensing.plugins.module_utils._planning.model import Plan
from ansible_collections.m365.licensing.plugins.module_utils._remediate.result import (
    raise_if_failed,
    report_of,
    result_of,
    warnings_of,
)
from ansible_collections.m365.licensing.plugins.module_utils._remediate.workflow import (
    PlannerOptions,
    check_options,
    plan_licenses,
)
from ansible_collections.m365.licensing.plugins.module_utils._reporting.run_facts import run_facts
from ansible_collections.m365.licensing.plugins.module_utils._rules.file import take_rules

from .audit_module import audit_options
from .module import Context
from .record import Recording, record_folder
from .report_files import (
    report_place,
    report_stem,
    run_stamp,
    write_reports,
)


def run_plan(context: Context) -> dict[str, Any]:
    """The module ``m365_license_plan``."""
    context.warn_all(take_rules(context.params))
    options = planner_options(context.params)
    place = report_place(context.params)
    writes = options.apply and not context.check_mode
    if options.apply:
        context.raise_if_unverified()
    folder = record_folder(context.params["record_dir"], context.params["report_dir"]) if writes else None
    tenant = context.tenant
    began = context.client.wall.now()
    # of a file as well, and everybody can see that
    name = context.client.redactor.mask_data(context.params["report_name"] or context.options.tenant_id)
    stamp = run_stamp(began)
    run = run_facts(
        context.params["mode"],
        application=context.application,
        time=began,
        check_mode=context.check_mode,
        validate_certs=context.params["validate_certs"],
        params=context.params,
    )
    header = {"module": "m365_license_plan", "tenant": tenant.row(), **run}
    with Recording(context, folder, f"{report_stem(name)}-{stamp}", header) as recording:

        def record(plan: Plan, skus: Mapping[str, Sku]) -> Written:
            chosen = {
                entry.user.id: {"rule": entry.rule or None, "alternative": entry.alternative or None}
                for entry in plan.entries
                if entry.change
            }
            return recording.begin(skus, options.audit.catalog, chosen)

        planned = plan_licenses(context.graph, context.exchange, options, check_mode=context.check_mode, record=record)
    result = result_of(planned, options, requests=context.client.requests, check_mode=context.check_mode)
    result |= {"tenant": tenant.row(), "run": run}
    for text in (*planned.audit.warnings, *warnings_of(planned, result, options)):
        context.warn(text)
    if place is not None:
        texts = report_of(planned, result, options, name, place.formats, context.client.redactor.mask_data)
        result["reports"] = write_reports(context, place, _stems(name, stamp, result), texts, result)
    raise_if_failed(planned, result, options)
    return result


def planner_options(params: Mapping[str, Any]) -> PlannerOptions:
    """The options, checked as far as no tenant is needed. Raises ConfigurationError with every problem."""
    problems: list[str] = []
    audit = AuditOptions()
    try:
        audit = audit_options(params)
    except ConfigurationError as error:
        problems += error.problems
    options = PlannerOptions(
        audit=audit,
        rules=params["rules"],
        variable_prefix=params["variable_prefix"] or "",
        rules_label=params.get("rules_label") or f"{params['variable_prefix'] or ''}rules",
        scope=params["scope"],
        apply=params["mode"] == "apply",
        max_changes=params["max_changes"],
        protected=tuple(params["protected"]),
        allow_removals=params["allow_removals"],
        max_covered_seats=params["max_covered_seats"],
        seat_order=params["seat_order"],
        seat_reserve=params["seat_reserve"],
        use_warning_seats=params["use_warning_seats"],
        license_guests=params["license_guests"],
        allow_incomplete=params["allow_incomplete"],
        expect_digest=params["expect_digest"],
        fail_on=params["fail_on"],
        fail_within_days=params["fail_within_days"],
        on_error=params["on_error"],
        confirm=params["confirm"],
        confirm_seconds=params["confirm_seconds"],
    )
    try:
        check_options(options)
    except ConfigurationError as error:
        problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return options


def _stems(name: str, stamp: str, result: Mapping[str, Any]) -> list[str]:
    """Names of the files, without ending: the latest report, and one of its own for a run that wrote to the tenant."""
    stem = report_stem(name)
    summary = result["summary"]
    wrote = summary["applied"] and not summary["check_mode"] and summary["changes"]
    return [stem, f"{stem}-{stamp}"] if wrote else [stem]
