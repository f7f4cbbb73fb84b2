# `make demo` and `make test` work on a new machine with one of these Pythons. Every target creates the environment if
# needed, with the first of them that runs and can create one: pyenv has commands that do not run.
PYTHONS := 3.13 3.12 3.11
PYTHON ?= $(shell for v in $(PYTHONS); do python$$v -c 'import ensurepip' 2>/dev/null && echo python$$v && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
EXTRAS ?= dev
PYTEST_ARGS ?= -q -n auto --maxprocesses 4 --dist loadfile
BENCHED := $(addprefix recipes/,float-xnnpack.yaml float-low-rank.yaml float-band.yaml int8-mixed.yaml int8-dynamic.yaml)
PROFILED := float-xnnpack float-low-rank int8-mixed int8-fast
ROBUST := float-xnnpack int8-mixed int8-small student-float student-int8
INCONCLUSIVE := Nothing failed, but the check named above is inconclusive. Timing needs an idle machine: run it again.

.PHONY: demo test test-all test-nightly lint measured bench rivals robustness profiles shapes findings student students docs site clean

demo: $(VENV)/.installed
	@echo "$(BIN)/workbench run recipes/float-xnnpack.yaml"
	@$(BIN)/workbench run recipes/float-xnnpack.yaml; code=$$?; test $$code -ne 3 || { echo "$(INCONCLUSIVE)"; code=0; }; exit $$code

test: $(VENV)/.installed
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-all:
	$(MAKE) test PYTEST_ARGS="-m 'not nightly' $(PYTEST_ARGS)"

test-nightly:
	$(MAKE) test PYTEST_ARGS="-m nightly $(PYTEST_ARGS)"

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32
	$(BIN)/lint-imports
	$(BIN)/python -m tools.lint.words

# docs/results/measured.md: runs every shipped recipe on the shipped audio and stores the results.
measured: $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[dev,native]"
	$(BIN)/workbench run recipes --out outputs/measured; case $$? in 0|1|3) ;; *) exit 1 ;; esac
	$(BIN)/python -m tools.docs.regenerate --records outputs/measured

# docs/results/speed.md: all contenders in one run, with 1 thread and with 2. Needs an idle machine.
bench: $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[dev,onnx,native]"
	$(BIN)/workbench bench $(BENCHED) --threads 1,2 --out outputs/bench
	$(BIN)/python -m tools.docs.regenerate --bench outputs/bench

# docs/results/rivals.md: PESTO and other trackers. Needs an idle machine; torchcrepe-full takes most of the time.
rivals: $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[dev,onnx,rivals]"
	$(BIN)/workbench rivals --out outputs/rivals; case $$? in 0|1) ;; *) exit 1 ;; esac
	$(BIN)/python -m tools.docs.regenerate --rivals outputs/rivals

# docs/results/robustness.md: noise, gain and ranges of pitch. The first recipe takes the longest.
robustness: $(VENV)/.installed
	for name in $(ROBUST); do $(BIN)/workbench robustness $$name --out outputs/robustness/$$name || exit; done
	$(BIN)/python -m tools.docs.regenerate --robustness outputs/robustness

# docs/results/profiles.md: the time of each layer and operator of three programs. Needs an idle machine.
profiles: $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[dev,native]"
	for name in $(PROFILED); do $(BIN)/workbench profile recipes/$$name.yaml --out outputs/profiles/$$name || exit; done
	$(BIN)/python -m tools.docs.regenerate --profiles outputs/profiles

# docs/results/shapes.md: programs of an earlier version and of this one. Needs an idle machine, and git's history.
shapes: $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[dev,native]"
	$(BIN)/python -m tools.reliability.shapes
	$(BIN)/python -m tools.docs.regenerate

# docs/results/findings.md: the exports of the first experiments, with every extra that can be installed.
findings: $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[dev,onnx,coreml,openvino,arm]"
	$(BIN)/workbench run recipes/findings --out outputs/findings; case $$? in 1|2) ;; *) exit 1 ;; esac
	$(BIN)/python -m tools.docs.regenerate --findings outputs/findings

# students/student.safetensors: trains the shipped student, for about half an hour on one core. An interrupted training goes on.
student: $(VENV)/.installed
	$(BIN)/workbench train training/student --out outputs/student
	@$(BIN)/python -c 'import hashlib, sys; print("sha256", hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' outputs/student/student.safetensors
	@if cmp -s outputs/student/student.safetensors students/student.safetensors; then echo "It equals the shipped student."; \
	else cp outputs/student/student.safetensors students/ && echo "It differs from the shipped student, and replaces it."; fi

# docs/results/student.md: three seeds of the shipped student, and one trained for int8. SINGING=DIR adds singing.
# `make measured` before it, with the student in students/: the page compares it with the other variants.
students: $(VENV)/.installed
	$(BIN)/python -m tools.docs.students.floor outputs/students/floor.json
	for seed in 0 1 2; do out=outputs/students/seed-$$seed; checkpoint="--set checkpoint=$$out/student.safetensors"; \
	  $(BIN)/workbench train training/student --set student.seed=$$seed --out $$out || exit; \
	  $(BIN)/workbench run student-float student-int8 $$checkpoint --out $$out/rendered; \
	  case $$? in 0|1|3) ;; *) exit 1 ;; esac; test -z "$(SINGING)" || \
	  $(BIN)/workbench run student-float student-int8 $$checkpoint --audio "$(SINGING)" --out $$out/singing; \
	  case $$? in 0|1|3) ;; *) exit 1 ;; esac; done
	$(BIN)/workbench train training/student-qat --out outputs/students/trained-for-int8
	$(BIN)/workbench run student-int8-static --out outputs/students/qat \
	  --set checkpoint=student,outputs/students/trained-for-int8/student.safetensors; case $$? in 0|1|3) ;; *) exit 1 ;; esac
	$(BIN)/python -m tools.docs.regenerate --students outputs/students

# Writes the generated pages again, then builds the site.
docs: $(VENV)/.installed
	$(BIN)/python -m tools.docs.regenerate
	$(MAKE) site

# Builds the site into site/. The docs extra is installed if it is missing.
site: $(VENV)/.installed
	$(BIN)/python -c 'import mkdocs_click' 2>/dev/null || $(BIN)/python -m pip install --disable-pip-version-check -q -e ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

clean:
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# An existing environment keeps its Python.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "None of Python $(PYTHONS) runs; install one, or name it: make PYTHON=/path/to/python" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; v = "%d.%d" % sys.version_info[:2]; sys.exit(v not in "$(PYTHONS)".split() and \
	  f"$(PYTHON) is Python {v}; the workbench supports $(PYTHONS): make PYTHON=/path/to/python")'
	@echo "creating $(VENV) with $(PYTHON), $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[$(EXTRAS)]"
	touch $@
