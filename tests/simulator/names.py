# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, places and numbers of the simulated tenant: data without rules."""

from __future__ import annotations

FIRST_NAMES = (
    "Anna", "Björn", "Chloé", "Dmitri", "Ève", "Fatima", "Günther", "Hélène", "Ines", "Jürgen", "Karin", "Łukasz",
    "Maria", "Nils", "Ólafur", "Petra", "Quentin", "Renée", "Søren", "Tomáš", "Uwe", "Verena", "Wei", "Ximena", "Yūki",
    "Zoë",
)  # fmt: skip
LAST_NAMES = (
    "Müller", "O'Brien", "D'Angelo", "Schröder", "Weiß", "Nguyễn", "García", "Smith", "Kowalski", "Åberg", "Çelik",
    "van der Berg", "Saint-Just", "Ibrahim", "Tanaka", "Novák", "Lindqvist", "O'Neill", "Kraus", "Fernández", "Öztürk",
)  # fmt: skip
SUFFIXES = {7: " (Sales & Service)", 19: " 🚀", 31: " #1", 43: " + Team", 61: " 100%", 83: ' "Ace"'}
"""Suffixes of display names that break careless filters and reports."""
DEPARTMENTS = ("Sales", "Inside Sales", "R&D", "Finance", "HR", "Marketing + PR", "Vertrieb Süd", "IT", "Legal", None)
COUNTRIES = (
    ("Germany", "DE"),
    ("Austria", "AT"),
    ("United States", "US"),
    ("France", "FR"),
    ("Japan", "JP"),
    ("Ireland", "IE"),
)
"""Country and its usage location."""
CITIES = {
    "Germany": "München",
    "Austria": "Wien",
    "United States": "Seattle",
    "France": "Orléans",
    "Japan": "Tōkyō",
    "Ireland": "Cork",
}
COMPANIES = ("Contoso", "Contoso GmbH & Co. KG", "Fabrikam", "Contoso Ireland Ltd.")
JOB_TITLES = ("Account Manager", "Engineer", "Sales intern", "Director", "Assistant", "Consultant #2", "Nurse", None)
OFFICES = ("Gebäude 7/2.14", "Floor 3", "Home", None)
EMPLOYEE_TYPES = ("Employee", "Contractor", "Intern", None)
SHARED_NAMES = (
    "Info",
    "Support",
    "Rechnungen",
    "Bewerbungen",
    "Orders & Returns",
    "Presse",
    "Sales EMEA",
    "O'Brien's Desk",
)
ROOM_NAMES = ("Raum Zürich", "Room 4.12", "Salle d'été", "Boardroom #1", "Focus 🐝")
EQUIPMENT_NAMES = ("Beamer", "Pool car", "Camera + Tripod", "Forklift 3%")
