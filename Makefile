# SPDX-License-Identifier: MIT
# The front door: every target works on a fresh Debian 12, installing what is missing. The build itself is Meson's.
BUILD ?= build
PREFIX ?= /usr
DESTDIR ?=
MESON_FLAGS ?=

.PHONY: all build test run install conformance kernel-test bench fuzz sanitize sim clean help

all: build ## build everything (the default)

$(BUILD)/build.ninja:
	scripts/install-deps build
	meson setup $(BUILD) --prefix=$(PREFIX) --sysconfdir=/etc --localstatedir=/var $(MESON_FLAGS)

build: $(BUILD)/build.ninja
	ninja -C $(BUILD)

run: ## the main job, told as a story: array, LUN, targets, groups, portals that change under live I/O (KEEP=1 leaves it up)
	scripts/install-deps build run
	@$(MAKE) --no-print-directory build
	BUILD=$(BUILD) KEEP=$(KEEP) scripts/main-job

test: ## every test, from nothing; closes with "N passed, N failed"
	scripts/install-deps build test
	@$(MAKE) --no-print-directory build
	scripts/run-tests $(BUILD)

sanitize: ## every test again under AddressSanitizer and UBSan
	scripts/install-deps build test
	[ -f $(BUILD)-asan/build.ninja ] || meson setup $(BUILD)-asan -Db_sanitize=address,undefined -Db_lundef=false $(MESON_FLAGS)
	ninja -C $(BUILD)-asan
	scripts/run-tests $(BUILD)-asan

fuzz: ## SECONDS=60 of coverage-guided fuzzing for each parser
	scripts/install-deps build fuzz
	scripts/run-fuzzers $(or $(SECONDS),60)

sim: build ## the engine on a virtual clock and network, SEEDS=1-10000
	$(BUILD)/tests/sim/sim --seeds $(or $(SEEDS),1-10000)

conformance: build ## libiscsi's whole iscsi-test-cu against the service
	scripts/install-deps run
	BUILD=$(BUILD) scripts/conformance

kernel-test: build ## the Debian kernel's own initiator in a QEMU machine: CHAP, digests, a portal that goes while it writes, DiskRAID's logins (slow, not in CI)
	scripts/install-deps kernel
	BUILD=$(BUILD) scripts/kernel-test

bench: build ## measured against tgtd in the same run; tables and plots go to bench/results/
	scripts/install-deps build bench
	BUILD=$(BUILD) bench/run

install: build ## into DESTDIR and PREFIX (default /usr), where Debian expects things
	meson configure $(BUILD) -Dprefix=$(PREFIX)
	ninja -C $(BUILD)
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

clean: ## removes the build folders
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
