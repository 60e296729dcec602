# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that may return many rows."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of ``large_results.LARGE_SPEC``."""

    DOCUMENTATION = r"""
options:
  max_rows:
    description:
      - The most rows to return. If there are more, the result has the summary and the first rows
        (RV(ignore:first_rows)) only, and a warning says so unless O(output_path) or a report has them all.
      - All rows are returned if the run was stopped, or if it changed users and then could not write O(output_path), so
        that no change is lost.
      - A task of M(m365.licensing.exo_unlicensed_mailbox_info) or M(m365.licensing.m365_license_plan) that fails
        returns fewer rows, because Ansible prints its result in one line.
      - The limit also applies to other lists of the result. A longer one is returned empty, with a warning. Of the
        problems of wrong options the first ones are returned.
      - Ansible keeps several copies of a result, so a hundred thousand rows take gigabytes of the controller's memory.
        A file takes none.
    type: int
    default: 1000
    version_added: 0.1.0
  output_path:
    description:
      - Write all rows to this file, one JSON object a line, readable by its owner only, and return only the first of
        them (RV(ignore:first_rows)).
      - A path that cannot be written, such as a directory, a mount point, or another user's file in C(/tmp), is an
        error before the first request where possible. So is a directory that belongs to another user, or that every
        user can write to without the sticky bit. A directory that a group can write to is a warning.
      - The file is replaced in one step (a link at its place, too), also in check mode and when the task fails with a
        result. It never counts as a change.
    type: path
  progress_path:
    description:
      - Append a line of JSON to this file for each page that is read and each batch that is answered.
        A line has C(time), C(phase), C(done), C(total) (null where it is not known), C(requests), and
        C(throttled_seconds).
      - A new file can be read by its owner only. The mode of a file that was there does not change.
      - A file that was there must be a regular one of the user who runs the module, with one name, and empty or with
        such lines. Anything else is an error before any request, as is a directory where another user could replace it.
      - A file that cannot be written any more is a warning.
    type: path
    version_added: 0.1.0
"""
