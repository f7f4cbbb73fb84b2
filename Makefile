# Two commands do everything on a fresh machine with Python 3.11: `make demo` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
BENCHED := $(addprefix recipes/,float-xnnpack.yaml float-low-rank.yaml float-band.yaml int8-mixed.yaml int8-dynamic.yaml)

UNDECIDED := Nothing failed. What could not be decided is named above: a busy machine leaves times in doubt, so run it again.

PROFILED := float-xnnpack float-low-rank int8-mixed

.PHONY: demo test test-all lint measured bench profiles findings docs clean

demo: $(VENV)/.installed
	@echo "$(BIN)/workbench run recipes/float-xnnpack.yaml"
	@$(BIN)/workbench run recipes/float-xnnpack.yaml; code=$$?; test $$code -ne 3 || { echo "$(UNDECIDED)"; code=0; }; exit $$code

test: $(VENV)/.installed
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-all:
	$(MAKE) test PYTEST_ARGS="-m 'slow or not slow' $(PYTEST_ARGS)"

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The figures of the README: run every shipped recipe on the shipped audio, keep the records, write the table anew.
measured: $(VENV)/.installed
	$(BIN)/workbench run recipes --out outputs/measured; case $$? in 0|1|3) ;; *) exit 1 ;; esac
	$(BIN)/python -m tools.docs.regenerate --records outputs/measured

# The README's table of speeds: everything beside everything in one run, with 1 thread and with 2. Wants a quiet machine.
bench: $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[dev,onnx]"
	$(BIN)/workbench bench $(BENCHED) --threads 1,2 --out outputs/bench
	$(BIN)/python -m tools.docs.regenerate --bench outputs/bench

# The README's table of bounds: where the time of three programs goes. Wants a quiet machine too.
profiles: $(VENV)/.installed
	for name in $(PROFILED); do $(BIN)/workbench profile recipes/$$name.yaml --out outputs/profiles/$$name || exit; done
	$(BIN)/python -m tools.docs.regenerate --profiles outputs/profiles

# docs/findings.md: the systems of the first experiments, with all that can be installed to lower and run them.
findings: $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[dev,onnx,coreml,openvino,arm]"
	$(BIN)/workbench run recipes/findings --out outputs/findings; test $$? -eq 1
	$(BIN)/python -m tools.docs.regenerate --findings outputs/findings

docs: $(VENV)/.installed
	$(BIN)/python -m tools.docs.regenerate

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else "Python 3.11 is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[dev]"
	touch $@
