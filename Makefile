# Everything one does with Rundruf, in one word each. `make` alone says what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := target/release/rundruf

# What building needs beside Rust and Node, and what the tests need on top.
BUILD_PACKAGES := build-essential cmake pkg-config
TEST_PACKAGES := $(BUILD_PACKAGES) baresip sip-tester kamailio kamailio-tls-modules sipvicious linphone-cli coturn chromium firefox-esr iproute2 espeak-ng
PESQ_PACKAGES := $(BUILD_PACKAGES) python3-venv
PROMPTS_PACKAGES := $(BUILD_PACKAGES) python3-venv opus-tools

# Installs missing Debian packages as root; otherwise says the one command to run.
define need_packages
	@missing=""; \
	for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then \
	    echo "Installing missing packages:$$missing"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null \
	      || { echo "These packages could not be installed:$$missing. (The browsers for make test are packages of Debian 12 and 13.)"; exit 1; }; \
	  else \
	    echo "Missing packages:$$missing"; echo "Please run:  sudo apt-get install$$missing"; exit 1; \
	  fi; \
	fi; \
	command -v cargo >/dev/null || { echo "Rust is missing: install it with rustup, then run make again."; exit 1; }; \
	node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null || { echo "Node.js 20 or newer is missing: install it, then run make again."; exit 1; }
endef

.PHONY: help
help:
	@echo "make run     build and start a demo conference on this machine"
	@echo "make test    everything that is checked, real telephones and browsers included"
	@echo "make bench   benchmarks; make bench-load SCENARIO=phones measures one scenario of the media path"
	@echo "make flood   floods of two minutes each beside a running talk, which must not notice"
	@echo "make fuzz    searches for inputs that break what strangers reach, 10 minutes for each kind (libFuzzer on stable Rust)"
	@echo "make pesq    what a bad link costs in PESQ (needs Python packages from the network)"
	@echo "make prompts-check  renders some recordings again and compares (needs a Python package from the network)"
	@echo "make lint    formatting, lints, documentation, types"
	@echo "make fmt     format the sources"

.PHONY: run
run: build
	@exec $(BIN) serve --config deploy/config.toml --demo

.PHONY: build
build: build-packages web/dist/index.html
	cargo build --release --locked

.PHONY: build-packages test-packages pesq-packages prompts-packages
build-packages:
	$(call need_packages,$(BUILD_PACKAGES))
test-packages:
	$(call need_packages,$(TEST_PACKAGES))
pesq-packages:
	$(call need_packages,$(PESQ_PACKAGES))
prompts-packages:
	$(call need_packages,$(PROMPTS_PACKAGES))

WEB_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print)

web/node_modules/.installed: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund --silent
	@touch $@

web/dist/index.html: web/node_modules/.installed $(WEB_SOURCES)
	cd web && npm run --silent build
	@# The page is embedded when this file is compiled; cargo does not see new files in the folder.
	@touch $@ src/http/assets.rs

.PHONY: test
test: test-packages
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory test-web
	$(MAKE) --no-print-directory test-rust
	$(MAKE) --no-print-directory test-e2e

.PHONY: test-rust
test-rust: web/dist/index.html
	@if [ -d ../shared/vectors ]; then nextest=; test=; \
	 else nextest="-E not(test(vectors))"; test="-- --skip vectors"; \
	  echo "Note: ../shared/vectors is absent; the tests that need it, those with «vectors» in their names, are left out."; fi; \
	if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace --locked --no-fail-fast $$nextest; \
	else cargo test --workspace --locked --no-fail-fast $$test; fi
	cargo test --workspace --locked --doc

.PHONY: test-web
test-web: test-packages web/dist/index.html
	cd web && npm test --silent
	cd web && npm run --silent test:browser
	cd web && node test/screenshots.mjs ../target/screenshots join room-moderator left
	@echo "Pictures of the page are in target/screenshots."

# What the tests of Rust are built from serves the real programs, too: nothing is compiled a third time, and overflows are found.
E2E := env RUNDRUF_BUILT=target/debug node --test --test-concurrency=1 --test-reporter=spec tests/e2e/*.test.mjs

.PHONY: test-e2e
test-e2e: test-packages web/dist/index.html
	cargo build --workspace --locked --bins --examples
	@# Raw sockets and networks of their own need root; without it, a user namespace gives the same on loopback.
	@if [ "$$(id -u)" = 0 ]; then exec $(E2E); \
	 else exec unshare --user --map-root-user --net sh -c 'ip link set lo up && exec $(E2E)'; fi

# Coverage for libFuzzer comes from passes that the stable compiler has; there is no address sanitizer in it, but checks
# of overflow and of what is asserted. With a target named, build scripts stay as they are.
FUZZ_SECONDS ?= 600
FUZZ_BODIES ?= sip invite info registrar sdp rtp rtcp srtp telephone_event stun dtls
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-trace-compares \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table

# An input that breaks something is kept in target/fuzz/broken, and repeated by naming it: FUZZ_BODY=… BINARY FILE.
.PHONY: fuzz
fuzz: build-packages web/dist/index.html
	@host=$$(rustc -vV | sed -n 's/^host: //p'); binary=target/fuzz/$$host/release/rundruf-fuzz; \
	RUSTFLAGS="$(FUZZ_FLAGS)" cargo build --release --locked --manifest-path tests/fuzz/Cargo.toml --target $$host --target-dir target/fuzz; \
	for body in $(FUZZ_BODIES); do \
	  corpus=target/fuzz/corpus/$$body; mkdir -p $$corpus target/fuzz/broken; \
	  echo "$$body: $(FUZZ_SECONDS) s"; \
	  FUZZ_BODY=$$body FUZZ_SEEDS_INTO=$$corpus $$binary -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
	    -print_final_stats=1 -verbosity=0 -artifact_prefix=target/fuzz/broken/$$body- $$corpus; \
	done; \
	echo "Nothing was found."

# What make test does for some seconds each, for as long as the requirement says.
.PHONY: flood
flood: test-packages web/dist/index.html
	cargo build --release --locked --bins --examples
	FLOOD_SECONDS=120 node --test --test-reporter=spec tests/e2e/flood.test.mjs

# The script makes a Python environment of its own and says so if the network lacks for that.
.PHONY: pesq
pesq: pesq-packages
	cargo build --release --locked -p dsp --example link
	python3 tests/pesq/measure.py target/release/examples/link

# Renders some of the recordings again, which must give the same octets. The environment with the voices is made once, from
# the network, so this is no part of make test.
.PHONY: prompts-check
prompts-check: prompts-packages
	@[ -x target/prompts/bin/python ] || { python3 -m venv target/prompts && target/prompts/bin/pip install --quiet ttspico==0.3.2; }
	target/prompts/bin/python deploy/prompts/render.py --reproduce

.PHONY: lint
lint: build-packages web/node_modules/.installed
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked --quiet
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check licenses bans sources; else echo "Note: cargo-deny is not installed; licences and duplicates were not checked."; fi
	cd web && npm run --silent typecheck

.PHONY: fmt
fmt:
	cargo fmt --all

.PHONY: bench
bench: test-packages web/dist/index.html
	cargo build --release --locked --bins --examples
	cargo bench --locked --bench mixer --bench jitter --bench shape --bench sip_parse --bench shard_tick
	node tests/e2e/bench/ratios.mjs
	node tests/e2e/bench/delay.mjs
	node tests/e2e/bench/calls.mjs
	node tests/e2e/bench/pages.mjs
	$(LOAD)

# What the media path costs beside a floor, on two cores; ARGUMENTS=--quick leaves out the search for the most people.
LOAD := target/release/examples/load

.PHONY: bench-load
bench-load: build-packages web/dist/index.html
	cargo build --release --locked --example load
	$(LOAD) $(ARGUMENTS) $(SCENARIO)
