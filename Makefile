# make deps | build | demo | test | bench | sanitize | fuzz | install | clean: a thin face of CMake's presets.
#
#   make demo                  from a fresh checkout to a picture
#   make test                  builds and runs every test
#   make test TESTS=iba        only the tests whose name matches
#   make install PREFIX=/usr   (DESTDIR is honoured)

PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
TESTS ?= .
FUZZ_SECONDS ?= 60
BENCH ?=

CMAKE_BUILD = cmake --build build/$(1) --parallel $(JOBS)
# Threads that wait asleep: several tests share the cores, and spinning ones would steal time from each other.
CTEST = OMP_WAIT_POLICY=passive ctest --preset $(1) --parallel $(JOBS) -R '$(TESTS)'

help: ## this text
	@echo "Narrows: which parts of an image a classifier's prediction needs, in bits"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1@\2/p' Makefile | column -t -s@ 2>/dev/null || \
	    sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1    \2/p' Makefile

deps: ## install the Debian packages that are missing
	@scripts/deps.sh

build: deps build/release/build.ninja ## the library and the program, in build/release
	@$(call CMAKE_BUILD,release)
	@echo "built: build/release/src/narrows"

demo: build ## quantify two synthetic chests whose lesions are known, and explain real slices where they are at hand
	@scripts/demo.sh

test: deps build/dev/build.ninja ## build and run every test
	@$(call CMAKE_BUILD,dev)
	@$(call CTEST,dev)

sanitize: deps build/sanitize/build.ninja ## the tests again, under address and undefined-behaviour sanitizers
	@$(call CMAKE_BUILD,sanitize)
	@$(call CTEST,sanitize)

fuzz: ## fuzz the file readers, FUZZ_SECONDS each (60)
	@scripts/deps.sh --fuzz
	@cmake --preset fuzz
	@$(call CMAKE_BUILD,fuzz)
	@scripts/fuzz.sh build/fuzz $(FUZZ_SECONDS)

bench: build ## time against PyTorch and oneDNN, and how time grows: a short form of ten minutes
	@scripts/deps.sh --bench
	@bench/targets.py --rounds 2 --only resnet50,gradcam,start $(BENCH)
	@bench/loop_rate.py --rounds 1 --only resnet50
	@bench/growth.py --quick

install: build ## under PREFIX (/usr/local)
	@cmake --install build/release --prefix "$(PREFIX)"

goldens: build ## make the demo pictures and PyTorch's goldens anew
	@scripts/deps.sh --bench
	/usr/bin/python3 scripts/make_drawn.py
	/usr/bin/python3 scripts/make_goldens.py
	/usr/bin/python3 scripts/make_train_goldens.py
	/usr/bin/python3 scripts/make_training_goldens.py build/release/src/narrows

clean: ## remove build/ and demo-out/
	rm -rf build demo-out

build/%/build.ninja: CMakePresets.json
	@cmake --preset $*

.DEFAULT_GOAL := help
.PHONY: help deps build demo test sanitize fuzz bench install goldens clean
