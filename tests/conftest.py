"""What all tests share: the helpers of a folder's tests can be imported by name, and fuzzing has one measure."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

sys.path[:0] = sorted(str(folder) for folder in Path(__file__).parent.iterdir() if folder.is_dir())

settings.register_profile("symderiv", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("symderiv")
