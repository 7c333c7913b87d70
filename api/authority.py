"""Who may do what over HTTP beyond what everybody may: operators by ADMIN_TOKEN, hosts by the token of their own room.

Owns the reading of `Authorization` and the refusals. What a token of a person says is `api.tokens`'.
"""

from secrets import compare_digest
from typing import Annotated

from fastapi import Header

from api.service import Service
from api.tokens import HOST, Holder
from errors import Unauthorized

Authorization = Annotated[str | None, Header()]

OPERATOR = "http"
"""Who a command of an operator is from, as the journal names it."""


def bearer(authorization: str | None) -> str:
    """The token of an `Authorization` header, "" for none."""
    scheme, _, value = (authorization or "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def is_operator(service: Service, token: str) -> bool:
    """Whether `token` is ADMIN_TOKEN; nobody is an operator where none is set."""
    expected = service.settings.secret("admin_token")
    return bool(expected) and compare_digest(token.encode(), expected.encode())


def check_may_make_agents(service: Service, token: str) -> None:
    """Raises Unauthorized where this is production and `token` is not ADMIN_TOKEN."""
    if service.settings.production and not is_operator(service, token):
        raise Unauthorized(
            "Tokens of agents are for operators.",
            code="admin-token-required",
            hint="Send Authorization: Bearer with the value of ADMIN_TOKEN.",
        )


def check_may_read(service: Service, token: str) -> Holder | None:
    """Whose room's debates may be read with `token`; None for all of them: an operator's, and while this is no
    production. Raises Unauthorized.
    """
    if is_operator(service, token):
        return None
    holder = service.mint.holder(token)
    if holder is None and service.settings.production:
        raise Unauthorized(
            "Debates are read by those who were in the room, and by operators.",
            code="room-token-required",
            hint="Send Authorization: Bearer with a token of that room, or with ADMIN_TOKEN.",
        )
    return holder


def commander(service: Service, token: str, room: str) -> str:
    """Who commands the moderator of `room` with `token`: the identity of its host, or OPERATOR. Raises Unauthorized."""
    if is_operator(service, token):
        return OPERATOR
    holder = service.mint.holder(token)
    if holder is None or holder.room != room or holder.role != HOST:
        raise Unauthorized(
            "Over HTTP, a debate is commanded by its host or by an operator.",
            code="host-token-required",
            hint="Send Authorization: Bearer with the host's token of this room, or with ADMIN_TOKEN.",
        )
    return holder.identity
