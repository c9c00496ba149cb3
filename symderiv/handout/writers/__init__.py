"""The output formats, one file each: a module with ``EXTENSION`` and ``write(page) -> str`` is a format of its name."""
