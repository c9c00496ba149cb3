"""``python -m symderiv.gallery FOLDER``."""

import sys
from pathlib import Path

from symderiv.gallery.book import write

if len(sys.argv) != 2:
    sys.exit("usage: python -m symderiv.gallery FOLDER")
for path in write(Path(sys.argv[1])):
    print(path)
