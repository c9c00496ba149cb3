# make handouts   builds every handout into build/handouts (makes its own environment in .venv first)
# make test       runs all tests, doctests included
# make lint types clean

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
OUT := build/handouts

.PHONY: handouts test lint types clean
.DELETE_ON_ERROR:

handouts: $(VENV)/installed
	$(VENV)/bin/symderiv handout derivations --out $(OUT)

test: $(VENV)/installed
	$(RUN) -m pytest -n 2

lint: $(VENV)/installed
	$(RUN) -m ruff check .

types: $(VENV)/installed
	$(RUN) -m mypy

clean:
	rm -rf build dist $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache symderiv.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "symderiv needs Python 3.11, 3.12 or 3.13; say which with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "python3 -m venv doesn't work here; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
