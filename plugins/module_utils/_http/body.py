# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of an answer: decoded, parsed, and whole or an error. Pure: bytes in, values out.

HTTP libraries return what a connection gave before it broke, or what a gzip stream held before it ended; an
inventory made of that would be a shorter list. So nothing here guesses: it is whole, or it is ``BrokenBodyError``.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from ansible_collections.m365.licensing.plugins.module_utils._common.redaction import Redactor
from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import within_64_bits

MAX_VALUES = 4 * 2**20
"""Values of one document. In memory an empty object of two bytes takes seventy, so the size alone is no limit.
Graph's and Exchange's documents have one value in about thirty bytes."""

MAX_LINE = 2**20
"""Characters in a line of a text document."""

_LONGEST_INTEGER = len(str(-(2**63)))
_GZIP = 16 + zlib.MAX_WBITS
_EXCEPTION_PREFIX = re.compile(r"^\w*\|[\w.+`]*\|\s*")
"""``Ex6F9304|Microsoft.Exchange.….SomeException|``, or the same without its code [seen of Exchange's cmdlets]."""
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_IDS_MAX = 10
_PLACES_MAX = 20
"""How many details, and how many exceptions one in the other, are looked through for words."""
_SAYS_NOTHING = re.compile(
    r"(?:invalid operation|error executing cmdlet|bad request|an error (?:has )?occurred|one or more errors occurred"
    r"|exception of type '[^']*' was thrown)?[.!]?",
    re.IGNORECASE,
)
"""Messages that stand for any error, and name none."""


class BrokenBodyError(Exception):
    """The body is not whole, or not what its headers say. The same request may bring a whole one."""


class WrongBodyError(Exception):
    """The body is too large or another kind of document. Asking again would bring the same."""


class WrongNumberError(WrongBodyError):
    """The document holds a number that no service has reason to send."""

    def __init__(self) -> None:
        super().__init__("a number in it is beyond 64 bits, so it is not of the expected kind")


def decoded(chunks: Iterable[bytes], encoding: str, limit: int) -> Iterator[bytes]:
    """The chunks of a body, decoded, and never more than ``limit`` bytes of it.

    ``encoding`` is the ``Content-Encoding`` header. Raises BrokenBodyError where a gzip stream ends early, and
    WrongBodyError beyond the limit (also for a small stream that unpacks to a large one, and for an endless one that
    unpacks to nothing) or in an unknown encoding.
    """
    name = encoding.strip().casefold()
    if name in ("gzip", "x-gzip"):
        chunks = _unzip(_limited(chunks, limit), limit)
    elif name not in ("", "identity"):
        raise WrongBodyError(f"its Content-Encoding is {name!r}, which was not asked for")
    yield from _limited(chunks, limit)


def _limited(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise WrongBodyError(f"it is larger than {limit} bytes (max_response_bytes)")
        yield chunk


def _unzip(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Unpack chunk by chunk; a stream may consist of several members."""
    unzipper = zlib.decompressobj(_GZIP)
    started = False
    for chunk in chunks:
        data = chunk
        while data:
            if unzipper.eof:
                if not data.strip(b"\x00"):
                    break  # padding after the last member
                unzipper = zlib.decompressobj(_GZIP)
            started = True
            try:
                # One byte beyond the limit is enough for `decoded` to refuse it.
                yield unzipper.decompress(data, limit + 1)
            except zlib.error as error:
                raise BrokenBodyError(f"it is not a gzip stream ({error})") from None
            data = unzipper.unused_data or unzipper.unconsumed_tail
    if started and not unzipper.eof:
        raise BrokenBodyError("its gzip stream ends early")


def parse_json(body: bytes, content_type: str) -> Any:
    """Read a JSON document that must be there.

    Trailing NULs are padding, as Exchange sends them. Raises BrokenBodyError for an empty, truncated or invalid
    document, WrongBodyError for an HTML page, for more values than memory should hold and for a number beyond 64 bits.
    """
    # Each value takes two bytes at least. Those within texts count, too: an upper limit that costs little.
    if len(body) > 2 * MAX_VALUES and sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise WrongBodyError(f"it may hold more than {MAX_VALUES} values")
    text = _text(body.rstrip(b"\x00"), content_type)
    if not text.strip():
        raise BrokenBodyError("its body is empty")
    try:
        return json.loads(text, parse_constant=_no_number, parse_int=_integer, parse_float=_fraction)
    except RecursionError:
        raise BrokenBodyError("its JSON is nested too deeply") from None
    except ValueError as error:
        # The error's own text may quote the document, so only its place is shown.
        place = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise BrokenBodyError(f"it is not valid JSON{place} of {len(text)}") from None


def raise_if_beyond_64_bits(body: bytes) -> None:
    """Raise WrongNumberError for a JSON document that another reads later, where a number is beyond 64 bits."""
    with contextlib.suppress(ValueError, RecursionError):  # the reader reports what else is wrong
        json.loads(body, parse_int=_integer, parse_float=_fraction)


def lines_of(chunks: Iterable[bytes], content_type: str) -> Iterator[str]:
    """The lines of a text document (CSV) with their ends, as the chunks come. Raises like ``parse_json``."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest, began = "", False
    _raise_if_page("", content_type)
    try:
        for chunk in chunks:
            *lines, rest = (rest + decoder.decode(chunk)).split("\n")
            if not began and (lines or rest):
                _raise_if_page("".join(lines[:1]) or rest, content_type)
                began = True
            if len(rest) > MAX_LINE:
                raise WrongBodyError(f"it has a line of more than {MAX_LINE} characters")
            for line in lines:
                yield line + "\n"
        rest += decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise BrokenBodyError("it is not UTF-8") from None
    if rest:
        yield rest


def _text(body: bytes, content_type: str) -> str:
    _raise_if_page(body[:1024].decode("utf-8", "replace"), content_type)
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BrokenBodyError(f"it is not UTF-8 at byte {error.start} of {len(body)}") from None


def _raise_if_page(beginning: str, content_type: str) -> None:
    if "html" in content_type.casefold() or beginning.lstrip()[:1] == "<":
        raise WrongBodyError(f"it is an HTML or XML page ({content_type or 'no Content-Type'})")


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _integer(digits: str) -> int:
    # Python takes 4300 digits, but cannot write the sum of two such numbers.
    if len(digits) > _LONGEST_INTEGER or not within_64_bits(number := int(digits)):
        raise WrongNumberError
    return number


def _fraction(digits: str) -> float:
    # 1e999 is infinity
    if not within_64_bits(number := float(digits)):
        raise WrongNumberError
    return number


def error_detail(body: bytes, headers: Mapping[str, str], redactor: Redactor) -> tuple[str, str, str]:
    """Find ``(code, message, request id)`` in a refusal, as well as it can be read, fit to be shown; never raises.

    Graph and Exchange share ``{"error": {"code", "message", …}}``, the identity platform says
    ``{"error": "…", "error_description": "…"}``. Exchange's useful words are often deeper (``details[].message``,
    ``innererror.internalexception.message``, or one more within), and a 403 of it may have a body of NULs and its
    reason in ``x-ms-diagnostics`` or ``WWW-Authenticate``.
    """
    lowered = {str(name).casefold(): str(value) for name, value in headers.items()}
    try:
        document = parse_json(body, lowered.get("content-type", ""))
    except (BrokenBodyError, WrongBodyError):
        document = {}
    error = document.get("error") if isinstance(document, Mapping) else None
    if isinstance(error, str):
        error = {"code": error, "message": document.get("error_description")}
    if not isinstance(error, Mapping):
        error = {}
    inner = _mapping(error.get("innerError") or error.get("innererror"))
    message = (
        _informative(*_details(error), *_internal(inner), error)
        or _inner_code(inner)
        or lowered.get("x-ms-diagnostics")
        or lowered.get("www-authenticate")
        or ""
    )
    request_id = lowered.get("request-id") or lowered.get("x-ms-request-id") or inner.get("request-id")
    return redactor.code(error.get("code")), redactor.words(message + _limit(lowered)), redactor.code(request_id)


def _limit(headers: Mapping[str, str]) -> str:
    """Which limit was met, and whose, where a throttled answer says it [throttling, throttling-limits].

    The information may be any words and is meant for diagnosis: people read it, and nothing is paced by it.
    """
    scope = "/".join(headers.get("x-ms-throttle-scope", "").split("/")[:2])
    limits = ", ".join(filter(None, (headers.get("x-ms-throttle-information"), scope)))
    return f" [limit: {limits}]" if limits else ""


def part_error(body: Any, headers: Mapping[str, str], redactor: Redactor) -> Any:
    """The body of a batch's part, with what it says of an error fit to be shown, and nothing else of it.

    ``headers``: the part's, in lower case.
    """
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return body
    inner = _mapping(error.get("innerError") or error.get("innererror"))
    message = _informative(error, *_details(error)) or _inner_code(inner)
    return {
        "error": {
            "code": redactor.code(error.get("code")),
            "message": redactor.words(message + _ids(inner, message) + _limit(headers)),
            "innerError": {
                "code": redactor.code(inner.get("code")),
                "request-id": redactor.code(inner.get("request-id")),
            },
        }
    }


def _ids(inner: Mapping[str, Any], message: str) -> str:
    """The ids that an error is about, where its message does not name them [cloudLicensing]."""
    ids = inner.get("ids")
    texts = [text for text in (ids[:_IDS_MAX] if isinstance(ids, list) else ()) if isinstance(text, str)]
    missing = [text for text in texts if _GUID.fullmatch(text) and text.casefold() not in message.casefold()]
    return f" [ids: {', '.join(missing)}]" if missing else ""


def _informative(*places: Mapping[str, Any]) -> str:
    """The first of the messages that says what is wrong, else the last one that says anything."""
    texts = [text.strip() for place in places if isinstance(text := place.get("message"), str)]
    plain = [_EXCEPTION_PREFIX.sub("", text) for text in texts]
    return next((text for text in plain if not _SAYS_NOTHING.fullmatch(text)), next(filter(None, plain[::-1]), ""))


def _details(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    details = error.get("details")
    return map(_mapping, details[:_PLACES_MAX] if isinstance(details, list) else ())


def _internal(inner: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The exceptions within, from the outer one to the one that caused it."""
    for _depth in range(_PLACES_MAX):
        inner = _mapping(inner.get("internalexception") or inner.get("internalException"))
        if not inner:
            return
        yield inner


def _inner_code(inner: Mapping[str, Any]) -> str:
    """The finer code, where an error has no words."""
    code = inner.get("code")
    return code if isinstance(code, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
