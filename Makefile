# Every target works from a fresh clone on Debian with Python 3.11 and pip; nothing outside this folder is needed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: setup setup-dev demo test lint types imports docs bench credibility readme constraints clean

setup: $(VENV)/.rodnan-runtime

setup-dev: $(VENV)/.rodnan-dev

# Debian's Python may come without ensurepip; its pip can then fill the environment.
$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Rodnan needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || ( $(PYTHON) -m venv --clear --without-pip $(VENV) \
	  && $(PYTHON) -m pip --python $(VENV)/bin/python install --quiet pip )

$(VENV)/.rodnan-runtime: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.rodnan-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs]'
	@touch $@ $(VENV)/.rodnan-runtime

demo: setup
	$(BIN)/rodnan trial run sls-2 --out out/sls-2 --json out/sls-2.json

test: setup-dev
	$(BIN)/python -m pytest

lint: setup-dev
	$(BIN)/ruff check src tests scripts docs benchmarks
	$(BIN)/ruff format --check src tests scripts docs benchmarks

types: setup-dev
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python

imports: setup-dev
	$(BIN)/lint-imports

docs: setup-dev
	$(BIN)/python scripts/reference_pages.py docs/_generated
	$(BIN)/sphinx-build -q -W -b html docs docs/_build/html

readme: demo
	$(BIN)/python scripts/readme_demo.py out/sls-2.json out/sls-2

bench: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@for each in benchmarks/*.py; do echo "== $$each"; $(BIN)/python "$$each" || exit 1; done

credibility: setup
	$(BIN)/python scripts/credibility.py --fresh

constraints: setup-dev
	$(BIN)/python -m pip freeze --exclude-editable | grep -v '@ ' > constraints.txt

clean:
	rm -rf docs/_build docs/_generated out .pytest_cache .ruff_cache .import_linter_cache
