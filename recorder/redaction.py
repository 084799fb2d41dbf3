"""What is secret by its name: which names, and what is left out of a command line.

Values are redacted in the core (recorder/_core/value/redaction.c), by the same patterns.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from recorder.policy import Policy

# Shell patterns of names. They are compared by words, whatever the spelling is: `*api_key*` stands for X-Api-Key,
# apiKey, APIKEY2 and b"api_key" (recorder/_core/value/name_patterns.c).
SECRETS: Final = (
    *("*pass_word*", "*pass_wd*", "*pass_phrase*", "*pass_code*", "getpass", "pwd", "*_pwd", "pwd_*"),
    *("*secret*", "*credential*", "*authorization*", "auth", "*_auth", "auth_key*", "auth_header*"),
    *("*token", "*_token_*", "*auth_token*", "*access_token*", "*refresh_token*", "*api_token*", "*bearer*"),
    *("*api_key*", "*access_key*", "*private_key*", "*signing_key*", "*encryption_key*", "*session_key*"),
    *("*cookie*", "*session_id*", "*csrf*", "*xsrf*", "*jwt*"),
)  # fmt: skip
REDACTED: Final = "<redacted>"


def patterns_of(policy: Policy) -> tuple[str, ...]:
    """What the policy asks for, and what is secret anyway."""
    own = policy.redact or ()
    return (*SECRETS, *own) if policy.redact_defaults else own


def command_line(words: Sequence[str], patterns: tuple[str, ...]) -> list[str]:
    """The words without the values of options that have a secret's name, and without the credentials in addresses."""
    shown = []
    is_value = False  # of the option before
    for word in words:
        is_option = word.startswith("-")
        shown.append(REDACTED if is_value and not is_option else _word(word, patterns))
        is_value = is_option and "=" not in word and is_secret(word, patterns)
    return shown


def _word(word: str, patterns: tuple[str, ...]) -> str:
    """--token=…, TOKEN=…, "Authorization: …", scheme://user:…@host/?token=…"""
    scheme, mark, address = word.partition("://")
    if mark and "=" not in scheme:
        return f"{scheme}://{_address(address, patterns)}"
    for separator in ("=", ":"):
        name, found, value = word.partition(separator)
        if found and value.strip() and is_secret(name, patterns):
            return f"{name}{found}{REDACTED}"
    name, found, value = word.partition("=")
    return f"{name}={_word(value, patterns)}" if found and "://" in value else word


def _address(address: str, patterns: tuple[str, ...]) -> str:
    end = min((at for at in map(address.find, "/?#") if at >= 0), default=len(address))
    _, at, host = address[:end].rpartition("@")
    shown = f"{REDACTED}@{host}" if at else host
    path, mark, query = address[end:].partition("?")
    pairs = [_word(pair, patterns) for pair in query.split("&")]
    return f"{shown}{path}{mark}{'&'.join(pairs)}"


def is_secret(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns stands for it."""
    from recorder._core import capture  # not where a trace is only read

    return capture.is_secret_name(name, patterns)
