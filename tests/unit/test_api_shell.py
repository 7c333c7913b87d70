"""What lies around every request: sizes, headers, the last resort."""

import asyncio
import json

import pytest
from starlette.types import Message, Receive, Scope, Send

from api.shell import Shell, livekit_sources, security_headers


async def run(app, chunks: list[bytes], headers: dict[str, str] | None = None) -> list[Message]:
    sent: list[Message] = []
    messages = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
        for number, chunk in enumerate(chunks)
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "headers": [(k.encode(), v.encode()) for k, v in (headers or {}).items()],
    }
    await Shell(app, {"X-Ours": "yes"}, max_body_bytes=10)(scope, receive, send)
    return sent


async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"fine"})


async def test_a_body_at_the_limit_passes() -> None:
    sent = await run(reads_all, [b"12345", b"67890"])
    assert sent[0]["status"] == 200
    assert (b"x-ours", b"yes") in sent[0]["headers"]


@pytest.mark.parametrize(
    ("chunks", "headers"),
    [([b"12345", b"678901"], {}), ([b"12345678901"], {"content-length": "11"})],
)
async def test_a_larger_body_is_refused_whether_declared_or_not(chunks, headers) -> None:
    sent = await run(reads_all, chunks, headers)
    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["code"] == "body-too-large"
    assert (b"x-ours", b"yes") in sent[0]["headers"]


async def test_a_framework_that_makes_an_answer_of_the_refusal_is_overruled() -> None:
    async def swallows(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await reads_all(scope, receive, send)
        except Exception:  # noqa: BLE001 - as frameworks do
            await send({"type": "http.response.start", "status": 400, "headers": []})

    sent = await run(swallows, [b"x" * 11])
    assert [message.get("status") for message in sent] == [413, None]


async def test_an_unforeseen_error_is_answered_without_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("secret detail")

    sent = await run(breaks, [b""])
    body = json.loads(sent[1]["body"])
    assert (sent[0]["status"], body["code"]) == (500, "internal-error")
    assert "secret detail" not in sent[1]["body"].decode()
    (record,) = [record for record in caplog.records if record.name == "api.problems"]
    assert record.exc_info is not None
    assert record.__dict__["incident"] in body["detail"]


async def test_an_answer_that_breaks_half_way_is_cut_off() -> None:
    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    with pytest.raises(ConnectionAbortedError):
        await run(breaks, [b""])


async def test_cancelling_a_request_is_no_error() -> None:
    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await run(waits, [b""])


@pytest.mark.parametrize(
    ("url", "sources"),
    [
        ("ws://127.0.0.1:7880", ["ws://127.0.0.1:7880", "http://127.0.0.1:7880"]),
        ("wss://rtc.example.org/x", ["wss://rtc.example.org", "https://rtc.example.org"]),
        (
            "wss://mine.livekit.cloud",
            [
                "wss://mine.livekit.cloud",
                "https://mine.livekit.cloud",
                "wss://*.livekit.cloud",
                "https://*.livekit.cloud",
            ],
        ),
        ("", []),
    ],
)
def test_the_page_may_connect_to_livekit_and_nowhere_else(url: str, sources: list[str]) -> None:
    assert livekit_sources(url) == sources
    policy = security_headers(url)["Content-Security-Policy"]
    assert " ".join(["connect-src 'self'", *sources]) + ";" in policy
    assert "unsafe" not in policy
