"""Dockerfile, .dockerignore, render.yaml and .ci/run as the deployment guide has them; no Docker engine is needed."""

import ast
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import settings
from launcher.places import REPOSITORY

WORKER_START = "python debate_moderator_agent.py start"
DOWNLOAD = (
    'RUN python debate_moderator_agent.py download-files || echo "Model download failed but continuing build"'
)
# The guide's list for both services, and what it adds for the worker.
GUIDE_BOTH = {"LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "OPENAI_API_KEY"}
GUIDE_WORKER = GUIDE_BOTH | {"DEBATE_TOPIC", "MODERATOR_PERSONA"}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continuation lines joined, comments left out."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (REPOSITORY / "Dockerfile").read_text())
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [
        (word.upper(), " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in lines)
    ]


def services() -> dict[str, dict[str, Any]]:
    return {
        each["name"]: each for each in yaml.safe_load((REPOSITORY / "render.yaml").read_text())["services"]
    }


def variables(service: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["key"]: each for each in service["envVars"]}


def test_the_image_is_built_in_two_stages_and_runs_as_a_plain_user() -> None:
    words = [word for word, _ in instructions()]
    assert words.count("FROM") == 2
    last_stage = instructions()[len(words) - 1 - words[::-1].index("FROM") :]
    users = [rest for word, rest in last_stage if word == "USER"]
    assert users
    assert users[-1] not in {"root", "0"}


def test_models_are_downloaded_in_the_build_by_the_user_that_runs() -> None:
    steps = [f"{word} {rest}" for word, rest in instructions()]
    assert DOWNLOAD in steps
    assert steps.index("USER sage") < steps.index(DOWNLOAD)
    environment = " ".join(rest for word, rest in instructions() if word == "ENV")
    home = re.search(r"HF_HOME=(\S+)", environment)
    assert home is not None
    owned = next(rest for word, rest in instructions() if word == "RUN" and "chown" in rest)
    assert home[1].startswith("/home/sage/")
    assert "chown -R sage:sage /home/sage" in owned


def test_the_container_starts_the_worker_so_that_sigterm_reaches_it() -> None:
    word, rest = instructions()[-1]
    assert word == "CMD"
    assert ast.literal_eval(rest) == WORKER_START.split()


def test_the_image_installs_the_pinned_packages_alone() -> None:
    text = (REPOSITORY / "Dockerfile").read_text()
    assert "pip install -r requirements.txt" in text
    assert "requirements-dev" not in text
    assert (REPOSITORY / "requirements.txt").read_text().count("-c requirements-lock.txt") == 1


def test_no_secret_is_in_the_image() -> None:
    secrets = {name.upper() for name in settings.SECRETS}
    for word, rest in instructions():
        if word in {"ENV", "ARG"}:
            assert not {part.partition("=")[0] for part in rest.split()} & secrets
    assert any(line.strip() == "**/.env" for line in (REPOSITORY / ".dockerignore").read_text().splitlines())


def test_the_build_context_holds_all_that_the_worker_imports() -> None:
    let_in = {
        line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    wanted, seen = ["debate_moderator_agent.py"], set[str]()
    while wanted:
        place = wanted.pop()
        if place in seen:
            continue
        seen.add(place)
        path = REPOSITORY / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            wanted += [name for name in imported_places(file) if name not in seen]
    assert seen <= let_in, f"missing in .dockerignore: {sorted(seen - let_in)}"
    assert not let_in & {"tests", "rehearsal", "simulators", "launcher", "bench"}
    for name in let_in:
        assert (REPOSITORY / name).exists(), f"{name} of .dockerignore is not there"


def imported_places(file: Path) -> list[str]:
    """Our own top-level modules and packages that `file` imports."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    modules = [f"{name}.py" for name in names if (REPOSITORY / f"{name}.py").is_file()]
    return modules + [name for name in names if (REPOSITORY / name).is_dir()]


def test_both_services_deploy_on_pushes_to_main() -> None:
    assert set(services()) == {"sage-ai-backend", "sage-ai-backend-moderator"}
    for service in services().values():
        assert service["autoDeploy"] is True
        assert service["branch"] == "main"


def test_the_web_service_is_as_the_guide_has_it() -> None:
    web = services()["sage-ai-backend"]
    assert (web["type"], web["runtime"]) == ("web", "python")
    assert web["buildCommand"] == "npm install"
    assert web["startCommand"] == "uvicorn app:app --host 0.0.0.0 --port $PORT"
    assert web["healthCheckPath"] == "/health"
    assert variables(web).keys() >= GUIDE_BOTH | {"PORT"}
    assert variables(web)["PORT"]["value"] == "8000"


def test_the_worker_is_as_the_guide_has_it() -> None:
    worker = services()["sage-ai-backend-moderator"]
    assert (worker["type"], worker["runtime"]) == ("worker", "docker")
    assert worker["dockerCommand"] == WORKER_START
    assert (REPOSITORY / worker["dockerfilePath"]).is_file()
    assert 30 < worker["maxShutdownDelaySeconds"] <= 300
    assert variables(worker).keys() >= GUIDE_WORKER
    assert variables(worker)["DEBATE_TOPIC"]["value"] == "Technology and Innovation"
    assert variables(worker)["MODERATOR_PERSONA"]["value"] == "neutral-facilitator"


@pytest.mark.parametrize("name", ["sage-ai-backend", "sage-ai-backend-moderator"])
def test_secrets_are_asked_for_and_never_written_down(name: str) -> None:
    own_names = {"PYTHON_VERSION"}
    for key, variable in variables(services()[name]).items():
        assert key.lower() in settings.TABLE or key in own_names, f"{key} is no setting"
        if key.lower() in settings.SECRETS:
            assert "value" not in variable
            assert variable.get("sync") is False or variable.get("generateValue") is True


def test_ci_runs_what_a_developer_runs() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text()
    subprocess.run(["bash", "-n", str(REPOSITORY / ".ci" / "run")], check=True)
    commands = [line for line in script.splitlines() if "make " in line and not line.lstrip().startswith("#")]
    assert re.search(r"make test( |$)", "\n".join(commands))
    assert re.search(r"make lint( |$)", "\n".join(commands))
    assert "SAGE_REQUIRE_SERVICES=1" in script
