"""`python -m doctor`, for a checkout whose worker cannot even be imported."""

import sys

from doctor.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
