"""`python -m emotion_component` is the command `emotion`."""

import sys

from emotion_component.cli import main

sys.exit(main())
