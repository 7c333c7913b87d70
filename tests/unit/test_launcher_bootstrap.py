"""The set-up of a fresh clone: what it does, what it leaves alone the second time, what it says when it cannot."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.places import REPOSITORY, plain_environment

FAKE_NODE = "#!/bin/sh\necho v20.0.0\n"
FAKE_NPM = '#!/bin/sh\necho "$@" >> npm-calls\nmkdir -p node_modules\n'


class Clone:
    """A clone with the launcher alone and no packages to install: the steps are real, what they fetch is nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder / "clone", folder / "bin"
        self.folder.mkdir()
        self.path.mkdir()
        shutil.copytree(
            REPOSITORY / "launcher", self.folder / "launcher", ignore=shutil.ignore_patterns("__py*")
        )
        for name in ("requirements.txt", "requirements-lock.txt", "requirements-dev.txt"):
            (self.folder / name).write_text("# nothing\n")
        for name in ("package.json", "package-lock.json"):
            (self.folder / name).write_text("{}\n")
        for name, text in (("node", FAKE_NODE), ("npm", FAKE_NPM)):
            (self.path / name).write_text(text)
            (self.path / name).chmod(0o755)

    def bootstrap(self, *arguments: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
        environment = plain_environment({"PATH": f"{self.path}:/usr/bin:/bin", "PIP_NO_INDEX": "1"})
        return subprocess.run(
            [python, "-m", "launcher.bootstrap", *arguments],
            cwd=self.folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


@pytest.mark.timeout(300)  # makes two real virtual environments
def test_a_clone_is_set_up_once_and_then_starts_at_once(clone: Clone) -> None:
    program = ("--", "-c", "import sys; print('runs in', sys.prefix)")
    first = clone.bootstrap(*program)
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"runs in {clone.folder / '.venv'}" in first.stdout
    assert "making a virtual environment" in first.stdout
    assert "done in" in first.stdout
    assert (clone.folder / "npm-calls").read_text().startswith("ci ")

    second = clone.bootstrap(*program)
    steps = [line for line in second.stdout.splitlines() if line.startswith("setup")]
    assert len(steps) == 1
    assert "packages are there after" in steps[0]

    (clone.folder / "requirements.txt").write_text("# changed\n")
    third = clone.bootstrap()
    assert "Python packages of requirements.txt" in third.stdout
    assert "Browser packages" not in third.stdout

    (clone.folder / "package-lock.json").write_text('{"changed": true}\n')
    (clone.path / "npm").write_text("#!/bin/sh\necho 'npm error: the lock file is out of date' >&2\nexit 1\n")
    failed = clone.bootstrap(*program)
    assert failed.returncode == 1
    assert "the lock file is out of date" in failed.stdout
    assert "runs in" not in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr
    (clone.path / "npm").write_text(FAKE_NPM)

    # A set-up that was killed while it made the environment left one without pip: made anew.
    shutil.rmtree(next((clone.folder / ".venv" / "lib").glob("python*")) / "site-packages")
    fourth = clone.bootstrap(*program)
    assert fourth.returncode == 0, fourth.stdout + fourth.stderr
    assert "making a virtual environment" in fourth.stdout


def test_a_python_that_cannot_make_environments_is_told_what_to_install(clone: Clone) -> None:
    # As Debian ships it: a python3 without the ensurepip of python3-venv.
    (clone.folder / "ensurepip.py").write_text("raise ImportError('not available')\n")
    answer = clone.bootstrap()
    assert answer.returncode == 1
    assert f"sudo apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv" in answer.stdout
    assert "Traceback" not in answer.stdout + answer.stderr


def test_the_bootstrap_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; import launcher.bootstrap;"
        "print(sorted({m.split('.')[0] for m in sys.modules} - sys.stdlib_module_names - {'launcher'}))"
    )
    answer = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "['__main__']" or answer.stdout.strip() == "[]"
