# The two commands are `make serve` and `make test`; the rest are parts of them. Everything installs what it misses.
SHELL := /bin/bash
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)
PORT ?= 8080
FUZZ_SECONDS ?= 20
LODE := build/release/lode
CPP_FILES = $$(find src tests fuzz $$(ls -d bench 2>/dev/null) -name '*.cc' -o -name '*.h')
export LC_ALL := C.UTF-8
export PYTHONUTF8 := 1
export FUZZ_SECONDS

.PHONY: help serve test grammars headers page build default-model setup setup-test setup-bench format lint release-test debug-test tsan-test fuzz e2e bench golden-wide golden-full clients conformance clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

serve: build default-model ## install, build, get the default model, serve it on 127.0.0.1:8080
	@exec $(LODE) serve --port $(PORT) $(ARGS)

test: ## install, build and run everything that CI runs
	@tools/test

setup: ## install what building needs
	@tools/setup build

setup-test: ## install what testing needs
	@tools/setup test

setup-bench: setup-test ## install what the benchmarks compare with
	@tools/setup bench

page: setup ## the page at /, from web/
	@tools/page

grammars: setup ## the C sources of the tree-sitter grammars
	@tools/grammars

headers: setup ## the header-only libraries that Debian does not have
	@tools/headers

build: grammars headers page ## build/release/lode
	@mkdir -p build
	@cmake --preset release $$([ -f build/release/CMakeCache.txt ] || echo -DLODE_TESTS=OFF) >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build build/release --target lode -j $(JOBS)

default-model: build ## the default model in the model store
	@tools/default-model $(LODE)

format: setup-test ## format the C++ files
	@clang-format-19 -i $(CPP_FILES)

lint: setup-test ## format, floors and words, checked
	@clang-format-19 --dry-run --Werror $(CPP_FILES)
	@/usr/bin/python3 tools/check_floors.py
	@tools/check_words

release-test: setup-test grammars headers ## unit, isa and golden tests, optimised, warnings as errors
	@tools/build_and_test ci all

debug-test: setup-test grammars headers ## the same tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/build_and_test debug tests-unit,tests-isa,tests-golden -LE slow

tsan-test: setup-test grammars headers ## queue, pool and server tests under ThreadSanitizer
	@tools/build_and_test tsan tests-tsan -L tsan

fuzz: setup-test ## every fuzzer for FUZZ_SECONDS
	@tools/fuzz

e2e: setup-test build default-model ## the built binary, driven as a user would
	@tools/e2e

bench: setup-bench default-model ## micro-benchmarks and lode bench
	@cmake --preset bench >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build build/bench -j $(JOBS)
	@for source in bench/bench_*.cc; do build/bench/bench/$$(basename $$source .cc) || exit 1; done
	@build/bench/lode bench all

golden-wide: setup-test build ## golden vectors at the real width, two layers (4 GB of disk)
	@LODE_WIDE=1 .venv/bin/python -m pytest -q -rA tests/e2e/test_accept.py -k wide2

golden-full: setup-test build ## golden vectors at full size (16 GB of disk and memory, about 20 minutes each)
	@.venv/bin/python tools/golden_full.py $(LODE)

clients: setup-test build default-model ## every client of examples/, in six languages (several hundred MB of packages)
	@tests/clients/run

conformance: setup-test build default-model ## lode eval beside mteb itself, old and new (torch: 6 GB in build/conformance)
	@tests/conformance/run $(ARGS)

clean: ## remove what was built (not the model, not .venv, not web/node_modules)
	@rm -rf build
