# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that every module has: signing in, endpoints, limits."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of ``_module.COMMON_SPEC``."""

    DOCUMENTATION = r"""
options:
  tenant_id:
    description:
      - The tenant, by its GUID or a verified domain.
      - Modules that ask Exchange Online need the GUID or the initial domain (C(contoso.onmicrosoft.com)).
      - If not set, the environment variables E(M365_TENANT_ID), E(AZURE_TENANT_ID) and E(AZURE_TENANT) are used,
        in this order.
    type: str
  expected_domain:
    description:
      - A verified domain of the tenant that is meant, such as V(contoso.com) or V(contoso.onmicrosoft.com). Case does
        not matter.
      - If the credentials lead to another tenant, the task fails with the code C(wrong_tenant) before any user is read.
        It also fails if the tenant's domains cannot be read (permission C(Organization.Read.All)).
      - If not set, the environment variable E(M365_EXPECTED_DOMAIN) is used. If that is not set either, the tenant is
        not compared with anything.
    type: str
    version_added: 0.1.0
  client_id:
    description:
      - The application (client) id of the app registration, or of a user-assigned managed identity.
      - If not set, the environment variables E(M365_CLIENT_ID) and E(AZURE_CLIENT_ID) are used, in this order.
    type: str
  client_secret:
    description:
      - The value of a client secret (not its id).
      - It needs 8 characters or more. A number, a date, a word such as V(password), or a part of O(tenant_id) or
        O(client_id) is refused, because Ansible hides a secret wherever it occurs in a result.
      - If not set, the environment variables E(M365_CLIENT_SECRET), E(AZURE_CLIENT_SECRET)
        and E(AZURE_SECRET) are used, in this order.
    type: str
  certificate_path:
    description:
      - A file on the machine where the module runs, with the app's RSA key and its certificate, as PEM or PFX.
      - Of several certificates of the key, the valid one that ends last is used. If none is valid now, the task fails
        with the code C(certificate_dates).
      - A key of fewer than 2048 bits, a certificate with less than 30 days left, and a file that others can read or
        change are warnings.
      - If not set, the environment variables E(M365_CERTIFICATE_PATH) and E(AZURE_CLIENT_CERTIFICATE_PATH) are used,
        in this order.
    type: path
  certificate_password:
    description:
      - The password of O(certificate_path), if it has one.
      - It is refused for the same reasons as O(client_secret), also if it is given and not used.
      - If not set, the environment variables E(M365_CERTIFICATE_PASSWORD)
        and E(AZURE_CLIENT_CERTIFICATE_PASSWORD) are used, in this order.
    type: str
  federated_token_file:
    description:
      - A file on the machine where the module runs, with a token of an issuer that the app trusts (workload identity).
        It is read again for each new token.
      - If not set, the environment variables E(M365_FEDERATED_TOKEN_FILE) and E(AZURE_FEDERATED_TOKEN_FILE) are used,
        in this order.
    type: path
  access_tokens:
    description:
      - Tokens that were got elsewhere. They cannot be renewed here, and need 8 characters or more.
    type: dict
    suboptions:
      graph:
        description: A token for Microsoft Graph.
        type: str
      exchange:
        description: A token for Exchange Online.
        type: str
  auth_source:
    description:
      - How to sign in.
      - V(auto), which is what happens if nothing is set, takes the first of V(client_secret), V(certificate),
        V(federated_token) and V(access_tokens) whose options are complete. Options come before C(M365_*) variables
        and those before C(AZURE_*) variables. Two of them given as options at once are an error.
      - V(managed_identity) is used only if it is named here.
      - The result says under RV(ignore:auth) what was chosen and why.
      - If not set, the environment variable E(M365_AUTH_SOURCE) is used.
    type: str
    choices: [auto, client_secret, certificate, federated_token, managed_identity, access_tokens]
  use_environment:
    description:
      - Whether environment variables stand in for O(tenant_id), O(client_id), O(client_secret), O(certificate_path),
        O(certificate_password), O(federated_token_file) and O(auth_source) where these are not set.
      - Always V(false) for a host that has variables such as C(m365_tenant_id), and in a play with several hosts, so
        that no host works on the tenant of another.
    type: bool
    default: true
  cloud:
    description:
      - The national cloud that the tenant lives in. GCC is in V(public), GCC High is V(usgov).
      - V(AzureCloud), V(AzureUSGovernment) and V(AzureChinaCloud) are Azure's names for V(public), V(usgov) and
        V(china).
      - If not set, the environment variables E(M365_CLOUD) and E(AZURE_CLOUD_ENVIRONMENT) are used,
        in this order. If these are not set either, it is V(public).
    type: str
    choices: [public, usgov, dod, china, AzureCloud, AzureUSGovernment, AzureChinaCloud]
  login_url:
    description:
      - The address of the identity platform, if it is not that of O(cloud). Must begin with C(https://) and have no
        path.
      - If not set, the environment variable E(M365_LOGIN_URL) is used.
    type: str
  graph_url:
    description:
      - The address of Microsoft Graph, if it is not that of O(cloud). Must begin with C(https://) and have no path.
      - If not set, the environment variable E(M365_GRAPH_URL) is used.
    type: str
  exchange_url:
    description:
      - The address of Exchange Online, if it is not that of O(cloud). Must begin with C(https://) and have no path.
      - If not set, the environment variable E(M365_EXCHANGE_URL) is used.
    type: str
  ca_path:
    description:
      - A file with CA certificates (PEM) to trust, or a directory of them as OpenSSL wants it,
        on the machine where the module runs. It replaces the usual ones.
      - If not set, the environment variables E(M365_CA_PATH) and E(REQUESTS_CA_BUNDLE) are used, in this order.
    type: path
  validate_certs:
    description:
      - Whether to check the certificates of the servers. Without it, anyone on the way can read the tokens.
      - V(false) is a warning in every run, and stands in the results and reports. It is refused where Microsoft's
        services are written to.
    type: bool
    default: true
  exchange_api:
    description:
      - Which surface of the Exchange Online admin API to use.
      - V(invoke_command) is what the Exchange Online PowerShell module uses. Microsoft does not document it.
      - V(v2) is documented and a preview. It has no server-side filter and only some of the cmdlets,
        so it reads every mailbox.
      - If not set, the environment variable E(M365_EXCHANGE_API) is used. If that is not set either, it is
        V(invoke_command).
    type: str
    choices: [invoke_command, v2]
  timeout:
    description:
      - How long one request may take, in seconds, from connecting to the last byte of its answer.
      - Connecting may take ten of these seconds, for each address of the host.
    type: float
    default: 60.0
  retry_seconds:
    description:
      - How long one request is tried again while a service throttles or fails, in seconds.
      - A write that waits for the service's quota is not given up while other writes of the run get through.
    type: float
    default: 300.0
  concurrency:
    description:
      - How many requests are sent at the same time at first, from 1 to 32.
      - While all goes well they become up to twice as many; with each answer that tells of throttling one less, but at
        least one. With V(1) one is sent after the other.
    type: int
    default: 4
  max_response_bytes:
    description:
      - How large one answer may be, in bytes and unpacked. A larger one is not read to its end, and the task fails.
      - The largest honest answers are pages of a thousand users with all their plans, about 10 MB.
    type: int
    default: 67108864
notes:
  - The environment variables are read where the module runs. To use those of the controller, run the module there
    (C(delegate_to) or a local connection), or pass them as options.
  - Names that begin with C(m365_) or C(M365_) are for this collection alone. An unknown variable of the host stops a
    task that would write. It also keeps the host from the tenant of the environment. An unknown variable of the
    environment is an error unless O(use_environment=false).
  - Options that are not set in a task can be set for all modules of this collection with C(module_defaults)
    and the group C(group/m365.licensing.m365).
requirements:
  - msal >= 1.32.0
  - requests >= 2.31.0
  - urllib3 >= 1.26.18 (comes with requests)
"""
