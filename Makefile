PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install -q -c constraints.txt
.DELETE_ON_ERROR:
.PHONY: demo test check docs mutants wheel matrix constraints assets previews fix bench clean

demo: .venv/for-demo
	$(BIN)/mcp-shipper demo $(if $(ELASTICSEARCH),--elasticsearch $(ELASTICSEARCH)) $(if $(LOGSTASH),--logstash $(LOGSTASH))

test: .venv/for-test
	$(BIN)/pytest -n 2 --dist loadgroup

mutants: .venv/for-test
	$(BIN)/python -m tests.mutation

check: .venv/for-check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mcp-shipper export assets --check
	$(BIN)/pytest tests/test_layers.py tests/test_promises.py

# With the modules compiled that each event runs through: for this Python and system alone.
wheel: .venv/made
	rm -f dist/mcp_shipper-*-cp*.whl
	HATCH_BUILD_HOOK_ENABLE_CUSTOM=1 $(BIN)/pip wheel -q --no-deps -w dist .

# With less than all: make matrix TESTS='tests/deliver tests/record -x'
matrix: .venv-matrix/uv
	.ci/matrix $(TESTS)

# The newest versions of all that `make` installs; CI has these until somebody runs this again.
constraints: .venv-matrix/uv
	$</bin/uv pip compile -q --universal --upgrade pyproject.toml --all-extras \
	    --group test --group lint --group bench --custom-compile-command 'make constraints' \
	    --no-annotate -o constraints.txt

assets: .venv/for-test
	$(BIN)/mcp-shipper export assets
	$(BIN)/python -m tests.promises
	$(BIN)/python -m tests.layers
	$(BIN)/python -m tests.config.page
	$(BIN)/python -m tests.reference
	$(BIN)/python -m tests.secrets
	$(BIN)/python -m tests.stacks.page

docs: .venv/for-test
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q --strict

previews: .venv/for-test
	$(BIN)/python -m docs.preview

fix: .venv/for-check
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/for-bench
	$(BIN)/python -m bench

clean:
	rm -rf .venv .venv-matrix .mypy_cache .ruff_cache .pytest_cache .hypothesis demo-output bench/out dist site

# Each environment is the same .venv with more in it; a stamp is older than what it was made from
# when pyproject.toml has changed since.
.venv/made:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --upgrade 'pip>=25.1'  # the first that knows dependency groups
	touch $@

.venv/for-demo: .venv/made pyproject.toml constraints.txt
	$(INSTALL) -e '.[mcp,fast]'
	touch $@

.venv/for-test: .venv/made pyproject.toml constraints.txt
	$(INSTALL) -e '.[mcp,fastmcp,fast,kafka,api,proxy,timestamps]' --group test
	touch $@

.venv/for-bench: .venv/for-test
	$(INSTALL) --group bench
	touch $@

.venv/for-check: .venv/for-test
	$(INSTALL) --group lint
	touch $@

.venv-matrix/uv:
	$(PYTHON) -m venv $@
	$@/bin/pip install -q uv
