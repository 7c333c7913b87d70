"""Log lines: their shape, what is kept out of them, and whose handlers may write."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator

import pytest

import logs
from settings import Settings, load_settings

SECRET = "mW3nVb9QzLr5TfYc7HdKs1PgXj4EuAo8"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    filters = {handler: handler.filters[:] for handler in handlers}
    hooks = sys.excepthook, threading.excepthook
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for handler in handlers:
        handler.filters[:] = filters[handler]
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def settings(**overrides: object) -> Settings:
    return load_settings(openai_api_key=SECRET, **overrides)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_time_level_logger_event_service_and_the_extras():
    out = io.StringIO()
    logs.configure(settings(), "web", stream=out)
    logging.getLogger("sage.api").info(
        "Moderator dispatched", extra={"room": "r1", "tries": 2, "links": ("a", "b")}
    )
    (line,) = lines(out)
    assert line.pop("time", "").endswith("Z")  # type: ignore[attr-defined]
    assert line == {
        "level": "INFO", "logger": "sage.api", "event": "Moderator dispatched", "service": "web",
        "room": "r1", "tries": 2, "links": ["a", "b"],
    }  # fmt: skip


def test_readable_at_a_terminal_and_json_in_production():
    out = Terminal()
    logs.configure(settings(), "worker", stream=out)
    logging.getLogger("sage").info("Ready", extra={"port": 8082})
    assert "worker sage: Ready  port=8082" in out.getvalue()
    out = Terminal()
    livekit = {
        "livekit_url": "wss://h.livekit.cloud",
        "livekit_api_key": "APIq8XmPL2",
        "livekit_api_secret": SECRET,
    }
    logs.configure(settings(sage_env="production", **livekit), "worker", stream=out)
    logging.getLogger("sage").info("Ready")
    assert lines(out)[0]["event"] == "Ready"


def test_the_level_is_the_settings():
    out = io.StringIO()
    logs.configure(settings(log_level="warning"), "web", stream=out)
    logging.getLogger("sage").info("no")
    logging.getLogger("sage").warning("yes")
    assert [line["event"] for line in lines(out)] == ["yes"]


def test_configuring_twice_writes_once():
    out = io.StringIO()
    logs.configure(settings(), "web", stream=out)
    logs.configure(settings(), "web", stream=out)
    logging.getLogger("sage").info("once")
    assert len(lines(out)) == 1


def test_libraries_handlers_cannot_write_past_the_redaction(capsys: pytest.CaptureFixture[str]):
    library = logging.getLogger("uvicorn.test-of-handlers")
    library.addHandler(logging.StreamHandler(sys.stderr))
    library.propagate = False
    out = io.StringIO()
    logs.configure(settings(), "web", stream=out)
    library.warning("key %s", SECRET)
    assert capsys.readouterr().err == ""
    assert lines(out)[0]["event"] == "key [redacted]"


def test_handlers_of_others_that_stay_get_clean_records():
    buffer = io.StringIO()
    other = logging.StreamHandler(buffer)
    logging.getLogger().addHandler(other)
    logs.configure(settings(), "web", stream=io.StringIO())
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("sage").exception("Failed with %s", SECRET)
    assert SECRET not in buffer.getvalue()
    assert "ValueError: [redacted]" in buffer.getvalue()


def test_a_jobs_records_leave_by_the_forwarder_only_and_the_event_stays_the_message():
    class LogQueueHandler(logging.Handler):  # the name of the framework's
        def emit(self, record: logging.LogRecord) -> None:
            sent.append((self.format(record), record))

    sent: list[tuple[str, logging.LogRecord]] = []
    logging.getLogger().addHandler(LogQueueHandler())
    out = io.StringIO()
    logs.configure(settings(), "job", stream=out)
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("sage").exception("Turn failed", extra={"room": "r"})
    ((message, record),) = sent
    assert out.getvalue() == ""
    assert message == "Turn failed"
    assert record.exc_text is not None
    assert SECRET not in record.exc_text


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdefghijklmnop",
        "{'authorization': 'Token abcdefghijklmnop'}",
        "GET /rtc?access_token=abcdefghijklmnop&x=1",
        "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhYmNkZWZnaGlqa2xtbm9wIn0.abcdefghijklmnop",
        "key sk-abcdefghijklmnopqrst was refused",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_though_nobody_knows_it(text: str):
    assert "abcdefghijklmnop" not in logs.Redactor(()).text(text)


def test_redaction_leaves_ordinary_words_alone():
    text = "The token server answers on 8081; a secret ballot, a basic income, keys to the city."
    assert logs.Redactor([SECRET]).text(text) == text


def test_members_with_a_secrets_name_are_replaced_whole():
    out = io.StringIO()
    logs.configure(settings(), "web", stream=out)
    logging.getLogger("sage").info(
        "x", extra={"headers": {"Authorization": "zzz", "a": [{"api_key": "yyy"}]}}
    )
    assert lines(out)[0]["headers"] == {"Authorization": "[redacted]", "a": [{"api_key": "[redacted]"}]}


def test_a_line_break_in_a_name_is_no_new_line():
    for out in (io.StringIO(), Terminal()):
        logs.configure(settings(), "web", stream=out)
        logging.getLogger("sage").info("Joined", extra={"who": "Eve\n12:00:00.000 INFO forged"})
        assert len(out.getvalue().splitlines()) == 1


def test_an_extra_cannot_pass_for_a_field_of_ours():
    out = io.StringIO()
    logs.configure(settings(), "web", stream=out)
    logging.getLogger("sage").info("Turn metrics", extra={"event": "forged", "service": "forged"})
    (line,) = lines(out)
    assert (line["event"], line["service"], line["extra_event"]) == ("Turn metrics", "web", "forged")


def test_a_wrong_format_string_loses_nothing():
    out = io.StringIO()
    logs.configure(settings(), "web", stream=out)
    logging.getLogger("sage").info("%d of %d", "x")  # noqa: PLE1206
    assert lines(out)[0]["event"] == "%d of %d"


def test_speech_is_counted_unless_asked_for():
    assert logs.speech(settings(), "Taxes are too high") == "[4 words]"
    assert logs.speech(settings(), "Taxes") == "[1 word]"
    assert logs.speech(settings(), "") == "[0 words]"
    assert logs.speech(settings(log_transcripts=True), "Taxes are too high") == "Taxes are too high"


@pytest.mark.parametrize("keep", [False, True])
def test_what_the_framework_marks_as_speech_follows_the_setting(keep: bool):
    out = io.StringIO()
    logs.configure(settings(log_transcripts=keep), "job", stream=out)
    logging.getLogger("livekit.agents").info("skipped", extra={"lk.pii.user_input": "Taxes are too high"})
    assert lines(out)[0]["lk.pii.user_input"] == ("Taxes are too high" if keep else "[4 words]")


def test_uncaught_exceptions_go_through_the_log():
    out = io.StringIO()
    logs.configure(settings(), "web", stream=out)
    error = ValueError(f"refused {SECRET}")
    sys.excepthook(ValueError, error, None)
    thread = threading.Thread(target=lambda: (_ for _ in ()).throw(error))
    thread.start()
    thread.join()
    assert [line["event"] for line in lines(out)] == ["Uncaught exception", "Uncaught exception in a thread"]
    assert SECRET not in out.getvalue()
