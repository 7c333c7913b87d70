"""The web service: `uvicorn app:app`. Composition only; the same application serves any number of ports."""

import logs
from api.application import create_app
from errors import SageError
from settings import load_settings

try:
    settings = load_settings()
    logs.configure(settings, "web")
    app = create_app(settings)
except SageError as error:
    # The list of what to mend, not a trace of how it was found.
    raise SystemExit(f"{error.message}\n{error.hint}".strip()) from None
