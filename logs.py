"""Logging for both processes: JSON lines or readable ones, with every secret and all speech kept out.

It owns the handlers of the root logger, the redaction of messages, arguments, extras and tracebacks, and the
wording of speech in logs. Messages are static, what varies goes into `extra={...}`. It counts nothing.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO
from urllib.parse import quote

from settings import Settings
from settings_checks import MIN_SECRET_CHARS

REDACTED = "[redacted]"
# What gives a secret away by its shape, whatever its value: headers, tokens, vendors' keys, query arguments.
_SHAPES = (
    re.compile(
        r"(?i)(\b(?:proxy-)?authorization\b['\"]?\s*[:=]\s*['\"]?)(?:(?:bearer|basic|token)\s+)?[^\s'\",}]+"
    ),
    re.compile(r"(?i)(\b(?:bearer|x-api-key['\"]?\s*[:=])\s+['\"]?)[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?i)([?&](?:access_token|api_key|apikey|key|token|secret)=)[^&\s'\"]+"),
    re.compile(r"()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
    re.compile(r"()\b(?:sk|pplx|csk|sk_car|sb_secret|sb_publishable)[-_][A-Za-z0-9_-]{16,}"),
)
# Libraries whose lines below WARNING hold requests, and with them speech and headers.
_TELL_WHAT_WAS_SAID = ("openai", "httpx", "httpcore", "hpack", "websockets", "asyncio")
_SECRET_NAME = re.compile(r"(?i)(^|_)(secret|password|passwd|authorization|api_?key|access_token|jwt)$")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class Redactor:
    """Takes secrets out of texts and of nested structures, in every spelling of a value."""

    def __init__(self, secrets: Iterable[str], *, keep_speech: bool = False) -> None:
        self._keep_speech = keep_speech
        spellings = {s for value in secrets if value for s in _spellings(value)}
        ordered = sorted(spellings, key=len, reverse=True)  # longest first: one secret may be part of another
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        if len(text) < MIN_SECRET_CHARS:
            return text
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        for shape in _SHAPES:
            text = shape.sub(rf"\g<1>{REDACTED}", text)
        return text

    def value(self, value: Any, name: str = "", depth: int = 0) -> Any:
        """`value` as something JSON can hold; a member with a secret's name is replaced whole."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if name and _SECRET_NAME.search(name):
            return REDACTED
        # The framework marks what people said by this prefix.
        if name.startswith("lk.pii.") and not self._keep_speech:
            return _counted(str(value))
        if isinstance(value, str):
            return self.text(value)
        if depth < 6 and isinstance(value, Mapping):
            return {self.text(str(k)): self.value(v, str(k), depth + 1) for k, v in value.items()}
        if depth < 6 and isinstance(value, list | tuple | set | frozenset):
            return [self.value(v, name, depth + 1) for v in value]
        return self.text(str(value))


def _spellings(value: str) -> tuple[str, ...]:
    """How `value` may stand in a text: as it is, in an address, in JSON, in the repr of a string or of bytes."""
    reprs = (json.dumps(value)[1:-1], repr(value)[1:-1], ascii(value)[1:-1], repr(value.encode())[2:-1])
    return value, quote(value, safe=""), quote(value), *reprs


class RedactingFilter(logging.Filter):
    """Cleans a record in place, so that no handler, whoever formats it, can write a secret. Drops none."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "_sage_clean", False):
            return True
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  a wrong format string, or a broken __str__, must not lose the line
            message = str(record.msg)
        record.msg, record.args = self._redactor.text(message), ()
        if record.exc_info and record.exc_info[1] is not None and not record.exc_text:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        if record.exc_text:
            record.exc_text = self._redactor.text(record.exc_text)
            record.exc_info = None  # formatters other than ours would format the original again
        if record.stack_info:
            record.stack_info = self._redactor.text(record.stack_info)
        for name in [name for name in vars(record) if name not in _STANDARD]:
            value = vars(record).pop(name)
            setattr(record, self._redactor.text(name), self._redactor.value(value, name))
        record._sage_clean = True
        return True


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {k: v for k, v in vars(record).items() if k not in _STANDARD and not k.startswith("_")}


def _when(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time, level, logger, event, service`, the extras, and any `traceback`."""

    def __init__(self, service: str, redactor: Redactor) -> None:
        super().__init__()
        self._service = service
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        RedactingFilter(self._redactor).filter(record)
        line: dict[str, Any] = {
            "time": _when(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            "service": self._service,
        }
        # An extra may not pass itself off as one of the fields above.
        line |= {k if k not in line else f"extra_{k}": v for k, v in _extras(record).items()}
        if record.exc_text:
            line["traceback"] = record.exc_text
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, ensure_ascii=False, default=str)


class ReadableFormatter(logging.Formatter):
    """`12:30:01.250 INFO  worker  message  key=value`, for people at a terminal."""

    def __init__(self, service: str, redactor: Redactor) -> None:
        super().__init__()
        self._service = service
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        RedactingFilter(self._redactor).filter(record)
        when = _when(record).astimezone().strftime("%H:%M:%S.%f")[:-3]
        extras = "".join(f"  {k}={v}" for k, v in _extras(record).items())
        # A line break in a name or a vendor's message must not look like a line of ours.
        message = (record.getMessage() + extras).replace("\r", "\\r").replace("\n", "\\n")
        lines = [f"{when} {record.levelname:<7} {self._service} {record.name}: {message}"]
        return "\n".join(lines + [t for t in (record.exc_text, record.stack_info) if t])


class _MessageFormatter(logging.Formatter):
    """The message alone. The framework forwards what a handler formats as the message of a new record, and
    the traceback beside it; formatted by default, that would stand in the log twice."""

    def format(self, record: logging.LogRecord) -> str:
        return record.getMessage()


def configure(
    settings: Settings, service: str, *, stream: TextIO | None = None, conversing: bool = False
) -> None:
    """Send all logs of this process to `stream` (standard output); may be called again.

    Handlers that libraries put on the root or on their own loggers are taken off: each would be a way past
    the redaction. Where a handler forwards records to the parent process (a job's), it stays the only way
    out. LiveKit's CLI adds a handler of its own when it starts: call this again after that. Where somebody is
    `conversing` on that terminal, only warnings are written, unless LOG_LEVEL asks for other lines.
    """
    stream = stream or sys.stdout
    redactor = Redactor(settings.secret_values(), keep_speech=settings.log_transcripts)
    root = logging.getLogger()
    root.setLevel("WARNING" if conversing and settings.log_level == "INFO" else settings.log_level)
    for logger in (root, *map(logging.getLogger, list(root.manager.loggerDict))):
        if any(_prints(h) for h in logger.handlers):
            logger.handlers[:] = [h for h in logger.handlers if not _prints(h)]
            logger.propagate = True
    forwarding = [h for h in root.handlers if type(h).__name__ == "LogQueueHandler"]
    for each in forwarding:
        each.setFormatter(_MessageFormatter())
    if not forwarding:
        as_json = settings.production or not stream.isatty()
        handler = _OurHandler(stream)
        handler.setFormatter((JsonFormatter if as_json else ReadableFormatter)(service, redactor))
        root.addHandler(handler)
    for each in root.handlers:
        each.filters[:] = [f for f in each.filters if not isinstance(f, RedactingFilter)]
        each.addFilter(RedactingFilter(redactor))
    logging.captureWarnings(True)
    _log_uncaught()
    for quiet in _TELL_WHAT_WAS_SAID:
        logging.getLogger(quiet).setLevel(max(logging.WARNING, root.level))


class _OurHandler(logging.StreamHandler[TextIO]):
    pass


def _prints(handler: logging.Handler) -> bool:
    """Whether `handler` writes to the terminal by itself. A file, or a buffer of a test, is left in peace."""
    if isinstance(handler, _OurHandler):
        return True
    printed = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    return isinstance(handler, logging.StreamHandler) and handler.stream in printed


def _log_uncaught() -> None:
    """Uncaught exceptions go through the log, as Python's own report of them would print what they hold."""
    log = logging.getLogger("sage.uncaught")

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            log.critical("Uncaught exception", exc_info=(kind, error, trace))

    def report_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            log.critical(
                "Uncaught exception in a thread", exc_info=(args.exc_type, args.exc_value, args.exc_traceback)
            )

    sys.excepthook = report
    threading.excepthook = report_thread


def speech(settings: Settings, text: str) -> str:
    """What may stand in a log for something that was said: the words if LOG_TRANSCRIPTS, else "[N words]"."""
    if settings.log_transcripts:
        return text
    return _counted(text)


def _counted(text: str) -> str:
    count = len(text.split())
    return f"[{count} word]" if count == 1 else f"[{count} words]"
