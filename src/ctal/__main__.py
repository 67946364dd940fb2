"""`python -m ctal` is `ctal`."""

import sys

from ctal.cli.main import main

sys.exit(main())
