"""Whether a Supabase key may write our tables, said by the key itself: asking the server would cost a refusal.

Owns the two forms of keys. Verifies nothing: the server does.
"""

from __future__ import annotations

import base64
import binascii
import json

_REMEDY = "set SUPABASE_SERVICE_ROLE_KEY to the project's service role (secret) key"


def why_it_may_not_write(service_role_key: str, anon_key: str = "") -> str:
    """Why nothing can be written with these keys, "" where it can. Never quotes a key."""
    if not service_role_key:
        what = "SUPABASE_KEY is the anon key, which may write nothing" if anon_key else "there is no key"
        return f"{what}: {_REMEDY}"
    role = role_of(service_role_key)
    if role in ("anon", "authenticated", "publishable"):
        return f"SUPABASE_SERVICE_ROLE_KEY is a key of the role {role}, which may write nothing: {_REMEDY}"
    return ""


def role_of(key: str) -> str:
    """The role that `key` claims: `service_role`, `anon`, `secret`, `publishable`, or "" where it does not say."""
    for prefix, role in (("sb_publishable_", "publishable"), ("sb_secret_", "secret")):
        if key.startswith(prefix):
            return role
    parts = key.split(".")
    if len(parts) != 3:
        return ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return ""
    return str(claims.get("role") or "") if isinstance(claims, dict) else ""
