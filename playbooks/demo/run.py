# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# See it work on a simulated tenant: audit, plan, remediate, remediate again, audit again.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
if [ ! -x "$root/.venv/bin/python" ]; then
  echo "playbooks/demo/run: run 'make setup' first" >&2
  exit 1
fi
exec "$root/.venv/bin/python" "$root/playbooks/demo/steps.py"
