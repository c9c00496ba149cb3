# make handouts   builds every handout into build/handouts (makes its own environment in .venv first)
# make test       runs all tests, doctests included
# make test-extras   runs the tests of the extras (PyTorch, JAX, Dask), in an environment of their own in .venv-extras
# make fuzz   derives random programs and checks each every way; PROGRAMS=2000 SEED=0 MINUTES=60
# make bench      measures beside hand-written NumPy, JAX, PyTorch and SymPy, in .venv-bench; writes docs/benchmarks.md
#                 (make bench QUICK=1: a look in minutes; ONLY='4 or 6m': some workloads, for build/bench alone;
#                 AGAIN=1: the calls once more, beside the run before; it takes 10 minutes of CPU time)
# make page       writes the page that needs no server (symderiv serve --static) into build/page; takes two packages from npm
# make docs       builds the documentation as a site into build/site, in .venv-docs; takes one package from npm
# make mutants   breaks the source at one place after another and sees that the tests fail; GROUP=rules SAMPLE=40 SEED=0
#                 FORKED=1 (many times as fast), EACH=1 (one of every function), AGAIN=FILE (what a report lists)
# make smoke      builds the packages and uses the wheel in an empty environment; SMOKE='--lowest', '--python python3.13'
# make lint types clean

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
OUT := build/handouts

EXTRAS := .venv-extras
BENCH := .venv-bench
DOCS := .venv-docs
SUPPORTED = $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
  { echo "symderiv needs Python 3.11, 3.12 or 3.13; say which with: make PYTHON=python3.12 ..." >&2; exit 1; }
WITH_VENV = $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
  { echo "python3 -m venv doesn't work here; on Debian: apt-get install python3-venv" >&2; exit 1; }

.PHONY: handouts test test-extras fuzz mutants smoke page docs lint types clean
.DELETE_ON_ERROR:

handouts: $(VENV)/installed
	$(VENV)/bin/symderiv handout derivations --out $(OUT)

test: $(VENV)/installed
	$(RUN) -m pytest -n 2

test-extras: $(EXTRAS)/installed
	$(EXTRAS)/bin/python -m pytest -n 2 tests/extras

PROGRAMS ?= 2000
SEED ?= 0
MINUTES ?= 60
fuzz: $(VENV)/installed
	$(RUN) -m tests.fuzz.run --programs $(PROGRAMS) --seed $(SEED) --minutes $(MINUTES)

GROUP ?=
SAMPLE ?= 40
mutants: $(VENV)/installed
	$(RUN) -m tests.mutation.run $(if $(GROUP),--group $(GROUP)) --sample $(SAMPLE) --seed $(SEED) \
	  $(if $(FORKED),--forked) $(if $(EACH),--each) $(if $(AGAIN),--again $(AGAIN))

SMOKE ?=
smoke: $(VENV)/installed
	$(RUN) .ci/smoke.py $(SMOKE)

bench: $(BENCH)/installed
	$(BENCH)/bin/python -m benchmarks $(if $(QUICK),--quick) $(if $(AGAIN),--again) $(if $(ONLY),--only '$(ONLY)')

PAGE_PACKAGES := build/page-packages
page: $(VENV)/installed $(PAGE_PACKAGES)/installed
	$(VENV)/bin/symderiv serve --static build/page --modules $(PAGE_PACKAGES)/node_modules

$(PAGE_PACKAGES)/installed: symderiv/web/static.py
	mkdir -p $(PAGE_PACKAGES)
	cd $(PAGE_PACKAGES) && npm install --no-save --no-audit --no-fund --ignore-scripts --prefix . \
	  $$($(abspath $(RUN)) -c 'from symderiv.web.static import wanted; print(wanted())')
	@touch $@

DOCS_PACKAGES := build/docs-packages
docs: $(DOCS)/installed $(DOCS_PACKAGES)/installed
	test -f $(OUT)/index.html || $(MAKE) handouts
	NO_MKDOCS_2_WARNING=1 HANDOUTS=$(abspath $(OUT)) $(DOCS)/bin/python -m mkdocs build --quiet --strict
	$(DOCS)/bin/python .ci/check_docs.py build/site

$(DOCS_PACKAGES)/installed:
	mkdir -p $(DOCS_PACKAGES)
	cd $(DOCS_PACKAGES) && npm install --no-save --no-audit --no-fund --ignore-scripts --prefix . iframe-worker@1.0.4
	@touch $@

lint: $(VENV)/installed
	$(RUN) -m ruff check .

types: $(VENV)/installed
	$(RUN) -m mypy

clean:
	rm -rf build dist $(VENV) $(EXTRAS) $(BENCH) $(DOCS) .hypothesis .mypy_cache .pytest_cache .ruff_cache symderiv.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/installed: pyproject.toml constraints.txt
	@$(SUPPORTED)
	@$(WITH_VENV)
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(EXTRAS)/installed: pyproject.toml constraints.txt
	@$(SUPPORTED)
	@$(WITH_VENV)
	$(PYTHON) -m venv $(EXTRAS)
	$(EXTRAS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	  --editable '.[dev,torch,jax,dask]'
	@touch $@

$(BENCH)/installed: pyproject.toml constraints.txt
	@$(SUPPORTED)
	@$(WITH_VENV)
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	  --editable '.[dev,bench]'
	@touch $@

$(DOCS)/installed: pyproject.toml constraints.txt
	@$(SUPPORTED)
	@$(WITH_VENV)
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	@touch $@
