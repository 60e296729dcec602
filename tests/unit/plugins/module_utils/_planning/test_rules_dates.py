# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-core before 2.19 makes of rules with a date: the text of a Python list, which the error explains."""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_schema import parse_rules


@pytest.mark.parametrize(
    ("text", "advised"), [("[{'until': datetime.date(2026, 12, 31)}]", True), ("[{'name': 'Sales'}]", False)]
)
def test_rules_that_became_a_text_say_why(text: str, advised: bool) -> None:
    with pytest.raises(ConfigurationError, match="expected a list of rules") as caught:
        parse_rules(text, (), BUILTIN)
    assert ("Quote its dates" in caught.value.hint) is advised
