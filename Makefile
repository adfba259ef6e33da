# DynKD: `make demo` and `make test` need Python 3.11, 3.12 or 3.13, make, git and a C++
# compiler. STACK=onedl takes OneDL's releases of the libraries, not OpenMMLab's.
STACK ?=
VENV ?= $(if $(filter onedl,$(STACK)),.venv-onedl,.venv)
# A certain Python; found by itself when empty.
PYTHON ?=
PYTEST_ARGS ?=
# Coverage of the whole suite; nothing is measured of a part of it.
COVERAGE ?= $(if $(PYTEST_ARGS),,--cov --cov-report=term --cov-fail-under=95)
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help env demo demo-cls demo-video test test-reduced test-slow lint format docs bench clean distclean

help:  ## list these targets
	@echo 'make TARGET [VENV=$(VENV)] [PYTHON=/path/to/python3.12] [STACK=onedl]'
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

env:  ## create the pinned environment, or complete it
	@sh tools/setup/environment.sh '$(VENV)' '$(PYTHON)' '$(STACK)'

# The environment's mmcv has its ops for the CPU only: the demo must not find a GPU.
demo: env  ## train, distil and compare on the demo data (at most 10 minutes)
	CUDA_VISIBLE_DEVICES= PYTHONWARNINGS=ignore $(BIN)/python tools/demo.py

demo-cls: env  ## the same for classification, which needs no C++ compiler
	CUDA_VISIBLE_DEVICES= PYTHONWARNINGS=ignore $(BIN)/python tools/demo_cls.py

demo-video: env  ## the same for action recognition (at most 15 minutes)
	CUDA_VISIBLE_DEVICES= PYTHONWARNINGS=ignore $(BIN)/python tools/demo_video.py

# Each file in one process: what its tests share is made once.
test: env  ## run the whole test suite, in two processes, and measure its coverage
	$(BIN)/python -m pytest tests -n 2 --dist loadfile $(COVERAGE) $(PYTEST_ARGS)

# What depends most on the libraries: registry, repairs, models, resuming, and a training
# of each library with its export.
REDUCED := tests/test_registry.py tests/test_compat tests/test_models \
	tests/test_engine/test_hooks/test_exact_resume_hook.py \
	tests/test_end_to_end/test_export.py tests/test_end_to_end/test_recognizers.py \
	tests/test_end_to_end/test_segmentors.py

test-reduced: env  ## run the part of the suite that depends most on the libraries' versions
	$(BIN)/python -m pytest $(REDUCED) -n 2 --dist loadfile $(PYTEST_ARGS)

test-slow: env  ## run the tests that the suite leaves out for their time
	$(BIN)/python -m pytest tests -m slow $(PYTEST_ARGS)

lint: env  ## check style, types and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

format: env  ## bring the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: env  ## build the documentation into docs/_build
	$(BIN)/python -m pip install -q -r requirements/docs.txt
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

# Accuracy takes hours and data of its own, and the peers are not in the environment.
NO_SPEED = $(addprefix benchmarks/,accuracy.py peers.py side_by_side.py small_classifiers.py)
SPEED_BENCHMARKS = $(filter-out $(NO_SPEED),$(wildcard benchmarks/*.py))

bench: env  ## run the speed benchmarks
	@set -e; for file in $(SPEED_BENCHMARKS); do echo "== $$file"; $(BIN)/python $$file; done

clean:  ## remove what builds and tests leave (not data, results, environment, cache)
	rm -rf build dist *.egg-info docs/_build .pytest_cache .ruff_cache .mypy_cache
	rm -rf .hypothesis .coverage .coverage.* htmlcov .dist_test
	find . -path './$(VENV)' -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## also remove the environment (not the cache outside the clone)
	@test ! -e '$(VENV)' || test -f '$(VENV)/pyvenv.cfg' || { echo '$(VENV) is no virtual environment' >&2; exit 1; }
	rm -rf '$(VENV)'
