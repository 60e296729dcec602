# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Countries as directories spell them, to the two letters of ISO 3166-1 that ``usageLocation`` takes.

The directory's ``country`` is free text: "Germany", "DE", "DEU", "deutschland". Codes and English names, with the
spellings in common use, are understood; everything else is not guessed. Pure: no I/O, no clock.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Two letters, three letters, then the English names: short name first, other spellings after it (or on a second line).
_TABLE = """
AF AFG Afghanistan
AX ALA Åland Islands
AL ALB Albania
DZ DZA Algeria
AS ASM American Samoa
AD AND Andorra
AO AGO Angola
AI AIA Anguilla
AQ ATA Antarctica
AG ATG Antigua and Barbuda
AR ARG Argentina
AM ARM Armenia
AW ABW Aruba
AU AUS Australia
AT AUT Austria
AZ AZE Azerbaijan
BS BHS Bahamas
BH BHR Bahrain
BD BGD Bangladesh
BB BRB Barbados
BY BLR Belarus
BE BEL Belgium
BZ BLZ Belize
BJ BEN Benin
BM BMU Bermuda
BT BTN Bhutan
BO BOL Bolivia|Plurinational State of Bolivia|Bolivia, Plurinational State of
BQ BES Bonaire, Sint Eustatius and Saba|Bonaire|Caribbean Netherlands
BA BIH Bosnia and Herzegovina|Bosnia
BW BWA Botswana
BV BVT Bouvet Island
BR BRA Brazil
IO IOT British Indian Ocean Territory
BN BRN Brunei Darussalam|Brunei
BG BGR Bulgaria
BF BFA Burkina Faso
BI BDI Burundi
CV CPV Cabo Verde|Cape Verde
KH KHM Cambodia
CM CMR Cameroon
CA CAN Canada
KY CYM Cayman Islands
CF CAF Central African Republic
TD TCD Chad
CL CHL Chile
CN CHN China|People's Republic of China|PRC
CX CXR Christmas Island
CC CCK Cocos (Keeling) Islands|Cocos Islands
CO COL Colombia
KM COM Comoros
CG COG Congo|Republic of the Congo|Congo-Brazzaville
CD COD Congo, Democratic Republic of the|Democratic Republic of the Congo|Congo (DRC)|DR Congo|DRC|Congo-Kinshasa
CK COK Cook Islands
CR CRI Costa Rica
CI CIV Côte d'Ivoire|Ivory Coast
HR HRV Croatia
CU CUB Cuba
CW CUW Curaçao
CY CYP Cyprus
CZ CZE Czechia|Czech Republic
DK DNK Denmark
DJ DJI Djibouti
DM DMA Dominica
DO DOM Dominican Republic
EC ECU Ecuador
EG EGY Egypt
SV SLV El Salvador
GQ GNQ Equatorial Guinea
ER ERI Eritrea
EE EST Estonia
SZ SWZ Eswatini|Swaziland
ET ETH Ethiopia
FK FLK Falkland Islands|Falkland Islands (Malvinas)
FO FRO Faroe Islands
FJ FJI Fiji
FI FIN Finland
FR FRA France
GF GUF French Guiana
PF PYF French Polynesia
TF ATF French Southern Territories
GA GAB Gabon
GM GMB Gambia
GE GEO Georgia
DE DEU Germany|Federal Republic of Germany
GH GHA Ghana
GI GIB Gibraltar
GR GRC Greece
GL GRL Greenland
GD GRD Grenada
GP GLP Guadeloupe
GU GUM Guam
GT GTM Guatemala
GG GGY Guernsey
GN GIN Guinea
GW GNB Guinea-Bissau
GY GUY Guyana
HT HTI Haiti
HM HMD Heard Island and McDonald Islands
VA VAT Holy See|Vatican City|Vatican|Holy See (Vatican City State)|Vatican City State
HN HND Honduras
HK HKG Hong Kong|Hong Kong SAR
HU HUN Hungary
IS ISL Iceland
IN IND India
ID IDN Indonesia
IR IRN Iran|Iran, Islamic Republic of|Islamic Republic of Iran
IQ IRQ Iraq
IE IRL Ireland|Republic of Ireland
IM IMN Isle of Man
IL ISR Israel
IT ITA Italy
JM JAM Jamaica
JP JPN Japan
JE JEY Jersey
JO JOR Jordan
KZ KAZ Kazakhstan
KE KEN Kenya
KI KIR Kiribati
KP PRK North Korea|Korea, Democratic People's Republic of|Democratic People's Republic of Korea
KR KOR South Korea|Korea|Korea, Republic of|Republic of Korea
KW KWT Kuwait
KG KGZ Kyrgyzstan
LA LAO Lao People's Democratic Republic|Laos
LV LVA Latvia
LB LBN Lebanon
LS LSO Lesotho
LR LBR Liberia
LY LBY Libya
LI LIE Liechtenstein
LT LTU Lithuania
LU LUX Luxembourg
MO MAC Macao|Macau|Macao SAR
MG MDG Madagascar
MW MWI Malawi
MY MYS Malaysia
MV MDV Maldives
ML MLI Mali
MT MLT Malta
MH MHL Marshall Islands
MQ MTQ Martinique
MR MRT Mauritania
MU MUS Mauritius
YT MYT Mayotte
MX MEX Mexico
FM FSM Micronesia|Micronesia, Federated States of|Federated States of Micronesia
MD MDA Moldova|Moldova, Republic of|Republic of Moldova
MC MCO Monaco
MN MNG Mongolia
ME MNE Montenegro
MS MSR Montserrat
MA MAR Morocco
MZ MOZ Mozambique
MM MMR Myanmar|Burma
NA NAM Namibia
NR NRU Nauru
NP NPL Nepal
NL NLD Netherlands|Kingdom of the Netherlands|Netherlands, Kingdom of the|Holland
NC NCL New Caledonia
NZ NZL New Zealand
NI NIC Nicaragua
NE NER Niger
NG NGA Nigeria
NU NIU Niue
NF NFK Norfolk Island
MK MKD North Macedonia|Macedonia
MP MNP Northern Mariana Islands
NO NOR Norway
OM OMN Oman
PK PAK Pakistan
PW PLW Palau
PS PSE Palestine|Palestine, State of|State of Palestine|Palestinian Authority
PA PAN Panama
PG PNG Papua New Guinea
PY PRY Paraguay
PE PER Peru
PH PHL Philippines
PN PCN Pitcairn|Pitcairn Islands
PL POL Poland
PT PRT Portugal
PR PRI Puerto Rico
QA QAT Qatar
RE REU Réunion
RO ROU Romania
RU RUS Russian Federation|Russia
RW RWA Rwanda
BL BLM Saint Barthélemy
SH SHN Saint Helena, Ascension and Tristan da Cunha|Saint Helena
KN KNA Saint Kitts and Nevis
LC LCA Saint Lucia
MF MAF Saint Martin (French part)|Saint Martin
PM SPM Saint Pierre and Miquelon
VC VCT Saint Vincent and the Grenadines
WS WSM Samoa
SM SMR San Marino
ST STP Sao Tome and Principe
SA SAU Saudi Arabia
SN SEN Senegal
RS SRB Serbia
SC SYC Seychelles
SL SLE Sierra Leone
SG SGP Singapore
SX SXM Sint Maarten (Dutch part)|Sint Maarten
SK SVK Slovakia|Slovak Republic
SI SVN Slovenia
SB SLB Solomon Islands
SO SOM Somalia
ZA ZAF South Africa
GS SGS South Georgia and the South Sandwich Islands
SS SSD South Sudan
ES ESP Spain
LK LKA Sri Lanka
SD SDN Sudan
SR SUR Suriname
SJ SJM Svalbard and Jan Mayen
SE SWE Sweden
CH CHE Switzerland
SY SYR Syrian Arab Republic|Syria
TW TWN Taiwan|Taiwan, Province of China
TJ TJK Tajikistan
TZ TZA Tanzania|Tanzania, United Republic of|United Republic of Tanzania
TH THA Thailand
TL TLS Timor-Leste|East Timor
TG TGO Togo
TK TKL Tokelau
TO TON Tonga
TT TTO Trinidad and Tobago
TN TUN Tunisia
TR TUR Türkiye|Turkey
TM TKM Turkmenistan
TC TCA Turks and Caicos Islands
TV TUV Tuvalu
UG UGA Uganda
UA UKR Ukraine
AE ARE United Arab Emirates|UAE|Emirates
GB GBR United Kingdom|United Kingdom of Great Britain and Northern Ireland|Great Britain|Britain
GB GBR England|Scotland|Wales|Northern Ireland
US USA United States|United States of America|U.S.A.|U.S.|America
UM UMI United States Minor Outlying Islands|U.S. Outlying Islands
UY URY Uruguay
UZ UZB Uzbekistan
VU VUT Vanuatu
VE VEN Venezuela|Venezuela, Bolivarian Republic of|Bolivarian Republic of Venezuela
VN VNM Viet Nam|Vietnam
VG VGB Virgin Islands (British)|Virgin Islands, British|British Virgin Islands
VI VIR Virgin Islands (U.S.)|Virgin Islands, U.S.|U.S. Virgin Islands|United States Virgin Islands
WF WLF Wallis and Futuna
EH ESH Western Sahara
YE YEM Yemen
ZM ZMB Zambia
ZW ZWE Zimbabwe
"""

# In wide use, but not what ISO 3166-1 says, and so not what usageLocation takes.
_NOT_ISO = {"uk": "GB", "el": "GR"}


@lru_cache(maxsize=4096)
def country_code(text: str | None) -> str | None:
    """The ISO 3166-1 two-letter code that ``text`` means, upper case; None where it is not known.

    ``UK`` and ``EL`` become ``GB`` and ``GR``; two letters that are no country are not known either.
    """
    return _by_name().get(_fold(text or ""))


def country_names() -> list[str]:
    """The English short names, for error messages."""
    first: dict[str, str] = {}
    for line in _TABLE.strip().splitlines():
        code, _unused, names = line.split(" ", 2)
        first.setdefault(code, names.split("|")[0])
    return list(first.values())


def _fold(text: str) -> str:
    """Without case, accents, punctuation and "the"; "&" is "and", "St." is "saint"."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    words = re.findall(r"[^\W_]+", plain.replace("'", "").replace("\u2019", "").replace(".", "").replace("&", " and "))
    return " ".join("saint" if word == "st" else word for word in words if word != "the")


@lru_cache(maxsize=1)
def _by_name() -> dict[str, str]:
    found = dict(_NOT_ISO)
    for line in _TABLE.strip().splitlines():
        two, three, names = line.split(" ", 2)
        for name in (two, three, *names.split("|")):
            found[_fold(name)] = two
    return found
