"""`python -m ctal` is `ctal`."""

import sys

from ctal.cli import main

sys.exit(main())
