# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of users and groups in the tenant, with the values of empty ones.

A large tenant would grow by every property of every user, so what is the same for all of them stands here once; a user
or group that says otherwise (made so by the generator, a test or the control API) has the property itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.simulator.state import Json

BLANK_USER: Mapping[str, Any] = {
    "ageGroup": None,
    "creationType": None,
    "deletedDateTime": None,
    "employeeHireDate": None,
    "employeeOrgData": None,
    "employeeType": None,
    "externalUserState": None,
    "isResourceAccount": None,
    "onPremisesImmutableId": None,
    "onPremisesLastSyncDateTime": None,
    "onPremisesSamAccountName": None,
    "onPremisesSecurityIdentifier": None,
    "otherMails": [],
    "passwordPolicies": None,
    "postalCode": None,
    "showInAddressList": None,
    "streetAddress": None,
}
"""Default values of a user."""
BLANK_GROUP: Mapping[str, Any] = {
    "classification": None,
    "expirationDateTime": None,
    "groupTypes": [],
    "isAssignableToRole": None,
    "licenseProcessingState": None,
    "mailNickname": "group",
    "membershipRule": None,
    "membershipRuleProcessingState": None,
    "onPremisesLastSyncDateTime": None,
    "onPremisesSamAccountName": None,
    "onPremisesSecurityIdentifier": None,
    "onPremisesSyncEnabled": None,
    "preferredLanguage": None,
    "proxyAddresses": [],
    "uniqueName": None,
}
"""Default values of a security group in the cloud."""
USER_PROPERTIES = (
    "id",
    "userPrincipalName",
    "displayName",
    "givenName",
    "surname",
    "mail",
    "mailNickname",
    "userType",
    "accountEnabled",
    "usageLocation",
    "country",
    "department",
    "companyName",
    "jobTitle",
    "city",
    "state",
    "officeLocation",
    "mobilePhone",
    "businessPhones",
    "preferredLanguage",
    "employeeId",
    "createdDateTime",
    "onPremisesSyncEnabled",
    "onPremisesExtensionAttributes",
    "proxyAddresses",
    "assignedLicenses",
    "licenseAssignmentStates",
    "assignedPlans",
    "provisionedPlans",
    "isLicenseReconciliationNeeded",
    *BLANK_USER,
)
"""The properties of a user."""
ONLY_BETA = frozenset({"isLicenseReconciliationNeeded"})
USER_DEFAULT = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)
"""Without ``$select``: v1.0 shows these [user resource], beta nearly everything."""
GROUP_PROPERTIES = (
    "id",
    "displayName",
    "description",
    "mail",
    "mailEnabled",
    "securityEnabled",
    "assignedLicenses",
    *BLANK_GROUP,
)
"""The properties of a group."""
GROUP_DEFAULT = ("id", "displayName", "description", "mail", "mailEnabled", "securityEnabled")


def shown_user(user: Mapping[str, Any], names: Iterable[str]) -> Json:
    """Return these properties of a user, without unknown ones."""
    return {
        name: user[name] if name in user else BLANK_USER[name] for name in names if name in user or name in BLANK_USER
    }


def shown_group(group: Mapping[str, Any], names: Iterable[str]) -> Json:
    """Return these properties of a group, without unknown ones."""
    return {name: group.get(name, BLANK_GROUP.get(name)) for name in names if name in group or name in BLANK_GROUP}
