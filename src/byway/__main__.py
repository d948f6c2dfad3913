"""`python -m byway`: the command line."""

import sys

from byway.cli import main

sys.exit(main())
