# The two commands: `make lab` opens the course, `make test` runs everything. Both set up .venv on first use.
PYTHON ?= python3

.PHONY: lab test notebooks bench seeds decisions mutate requirements
lab test notebooks bench seeds decisions mutate:
	@$(PYTHON) medlib/install.py $@ $(ARGS)

# After a change of pyproject.toml's ranges: pins for every supported Python and system, without addresses; then each of
# them must have a wheel everywhere.
TOOLS = PATH="$(CURDIR)/.venv/bin:$$PATH"
requirements:
	$(TOOLS) uv pip compile -q --universal --python-version 3.11 --no-annotate --no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.txt
	echo "-e ." >> requirements.txt
	$(TOOLS) python -m pytest -q tests/test_requirements.py
