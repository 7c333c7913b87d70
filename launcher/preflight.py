"""What `make run` looks at before it starts anything: all settings at once, and a LiveKit server that is not its own.

Whatever is wrong is said here in one place; a child that fails later would bury it in its own log.
"""

import urllib.error
import urllib.request

from errors import Problem, SageError, SettingsError
from launcher.steps import Say
from settings import Settings, check_settings, names_misspelt_in_file, names_of_examples

ANSWER_SECONDS = 5.0


class NotReachableError(RuntimeError):
    """The LiveKit server that LIVEKIT_URL names does not answer; the message says what to do."""


def checked_settings(say: Say) -> Settings:
    """The settings, when web service and worker will both take them. Raises SettingsError with all problems."""
    # they import the frameworks' own packages lazily, so this stays quick
    from personas.registry import load_registry
    from providers.chains import plan_chains

    settings, found = check_settings()
    problems = list(found)
    try:
        plan_chains(settings)
    except SettingsError as error:
        problems += error.problems
    try:
        load_registry().get(settings.moderator_persona)
    except SageError as error:
        problems.append(Problem("MODERATOR_PERSONA", "names an unknown persona", error.hint))
    if problems:
        raise SettingsError(problems)
    for name, meant in names_misspelt_in_file().items():
        say(f"{name} in .env is no setting: did you mean {meant}?")
    for name in names_of_examples():
        say(f"{name} is a document's example and was passed over: set your own, or take it out")
    return settings


def check_reachable(settings: Settings) -> None:
    """Ask the LiveKit server that LIVEKIT_URL names for any answer. Raises NotReachableError after 5 s at most."""
    try:
        with urllib.request.urlopen(settings.livekit_http_url, timeout=ANSWER_SECONDS):
            return
    except urllib.error.HTTPError:
        return  # whatever it says, somebody is there; its credentials are the web service's to try
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NotReachableError(
            f"LIVEKIT_URL ({settings.livekit_ws_url}) does not answer: {reason}.\n"
            "Start that server or correct the address; unset LIVEKIT_URL to have one started on this machine."
        ) from None
