"""`make lint`: the linters one after the other over the places that are named, all of them, whatever the first says."""

import subprocess
import sys
from collections.abc import Sequence

LINTERS = (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",))


def main(places: Sequence[str]) -> int:
    """0 when every linter is content."""
    failed = []
    for linter in LINTERS:
        name = " ".join(linter)
        print(f"lint    | {name}", flush=True)
        if subprocess.run([sys.executable, "-m", *linter, *places], check=False).returncode != 0:
            failed.append(name)
    print(f"lint    | {'failed: ' + ', '.join(failed) if failed else 'all content'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
