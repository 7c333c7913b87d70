"""Who counts as a person, and when a room without people is over. Pure; times in seconds, monotonic."""

from __future__ import annotations

from dataclasses import dataclass

from livekit import rtc

MODERATOR_ATTRIBUTE = "sage.moderator"
"""Set in the token of every moderator of ours; other agents in a room are none of our business."""

_HUMAN_KINDS = frozenset(
    {
        rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD,
        rtc.ParticipantKind.PARTICIPANT_KIND_SIP,
    }
)

ORDERLY = frozenset(
    {
        rtc.DisconnectReason.CLIENT_INITIATED,
        rtc.DisconnectReason.DUPLICATE_IDENTITY,
        rtc.DisconnectReason.PARTICIPANT_REMOVED,
        rtc.DisconnectReason.ROOM_DELETED,
        rtc.DisconnectReason.ROOM_CLOSED,
    }
)
"""Ways to be put out of a room that ask for no other moderator."""


def has_microphone(participant: rtc.RemoteParticipant) -> bool:
    """Whether this participant has opened a microphone, be it muted."""
    return any(one.kind == rtc.TrackKind.KIND_AUDIO for one in participant.track_publications.values())


def is_human(participant: rtc.RemoteParticipant) -> bool:
    """Whether this participant is somebody to moderate: from a browser or a telephone, never an agent or egress."""
    return participant.kind in _HUMAN_KINDS


def is_moderator(participant: rtc.RemoteParticipant) -> bool:
    """Whether this participant is another moderator of ours. Only an agent may be one: tokens say who is an agent."""
    return (
        participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        and participant.attributes.get(MODERATOR_ATTRIBUTE) == "true"
    )


@dataclass(slots=True)
class Presence:
    """Counts people and tells when the job has no reason to stay."""

    idle_timeout: float
    """Seconds after the last one left (AGENT_IDLE_TIMEOUT_SECS)."""

    empty_timeout: float
    """Seconds when nobody has ever come (AGENT_EMPTY_TIMEOUT_SECS)."""

    began_at: float
    people: int = 0
    anybody_came: bool = False
    emptied_at: float | None = None

    def came(self) -> None:
        self.people += 1
        self.anybody_came, self.emptied_at = True, None

    def went(self, at: float) -> None:
        self.people = max(0, self.people - 1)
        if self.people == 0:
            self.emptied_at = at

    def over(self, at: float) -> str:
        """Why the job ends now; "" while it stays."""
        if self.people:
            return ""
        if not self.anybody_came:
            return "nobody came" if at - self.began_at >= self.empty_timeout else ""
        assert self.emptied_at is not None
        return "everybody left" if at - self.emptied_at >= self.idle_timeout else ""
