# The commands of README.md. `make demo` and `make test` need a Debian bookworm with cargo, and nothing else.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Where cargo puts things; CI names a folder outside the clone.
CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TARGET_DIR
CARGO_HOME ?= $(HOME)/.cargo
# The node agent is static, and the same bytes in whatever folder it is built.
NODE_TARGET := x86_64-unknown-linux-gnu
NODE_FLAGS := -C target-feature=+crt-static -C link-arg=-Wl,--build-id=none \
	--remap-path-prefix=$(CURDIR)=/understudy --remap-path-prefix=$(CARGO_HOME)=/cargo
BIN := $(CARGO_TARGET_DIR)/release
BUILD_NODE = RUSTFLAGS="$(NODE_FLAGS)" cargo build --release --locked -p understudy-node --features program --target $(NODE_TARGET) \
	&& install -D -m 755 $(CARGO_TARGET_DIR)/$(NODE_TARGET)/release/understudy-node $(BIN)/understudy-node
UNDERSTUDY := $(BIN)/understudy
# The programs that services bring into the image.
PROGRAMS := -p access -p inbound -p mailctl -p mailstore
# What cargo-fuzz would set, without its nightly compiler.
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
FUZZ_TARGETS := $(sort $(basename $(notdir $(wildcard tests/fuzz/targets/*.rs))))
# Nobody's secret: it signs images that never leave this machine.
DEV_KEY := target/dev/signing.key
DEMO_IMAGE := target/images/demo
# nextest runs two machines, or racks of them, at a time; without it everything takes its turn.
RUN_TESTS := $(shell if cargo nextest --version >/dev/null 2>&1; \
	then echo "cargo nextest run --workspace --all-features --cargo-profile tests --locked"; \
	else echo "cargo test --workspace --all-features --profile tests --locked -- --test-threads=1"; fi)
# clippy's driver compiles as rustc does and says what it found: the tests are compiled once, and linted.
RUN_LINTED := $(shell if cargo clippy --version >/dev/null 2>&1; \
	then echo "RUSTC_WORKSPACE_WRAPPER=clippy-driver RUSTFLAGS='-D warnings'"; fi)

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: packages
packages: ## Install the Debian packages that are missing; tests unpack those in tests/peers.txt by themselves
	@missing=""; \
	for name in $$(sed '/^#/d; s/ .*//' src/cli/packages.txt); do \
		[ "$$(dpkg-query -W -f '$${db:Status-Abbrev}' $$name 2>/dev/null || true)" = "ii " ] || missing+=" $$name"; \
	done; \
	unlisted=""; for name in $$(cat tests/peers.txt); do \
		apt-cache show $$name >/dev/null 2>&1 || unlisted+=" $$name"; \
	done; \
	[ -n "$$missing$$unlisted" ] || exit 0; \
	echo "installing:$$missing"; \
	if [ "$$(id -u)" = 0 ]; then become=""; elif sudo -n true 2>/dev/null; then become=sudo; else \
		echo "not root and no sudo; run: apt-get update && apt-get install --no-install-recommends$$missing" >&2; exit 1; \
	fi; \
	$$become apt-get update -qq; \
	[ -n "$$missing" ] || exit 0; \
	$$become env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null

.PHONY: build
build: packages ## Build the command, the static node agent and the mail daemons
	cargo build --release --locked -p understudy $(PROGRAMS)
	$(BUILD_NODE)

.PHONY: mail
mail: packages ## Run the mail daemons on this machine for a domain of its own (FOLDER=target/mail); Ctrl-C ends them
	cargo build --release --locked $(PROGRAMS)
	python3 tests/demo/mail.py $(BIN) $(or $(FOLDER),target/mail)

# What demo and bench-takeover boot; how long the image took to build is left beside it.
.PHONY: demo-image
demo-image: build
	$(UNDERSTUDY) image lock images/mail --output target/image.lock
	[ -f $(DEV_KEY) ] || $(UNDERSTUDY) key new $(DEV_KEY)
	began=$$(date +%s.%N); \
	$(UNDERSTUDY) image build images/mail --lock target/image.lock --key $(DEV_KEY) --output $(DEMO_IMAGE); \
	echo "$$(date +%s.%N) $$began" | awk '{ printf "%.1f", $$1 - $$2 }' >$(DEMO_IMAGE).build-s

.PHONY: demo
demo: demo-image ## Build the image, boot a rack from empty disks, cut a server's power, see a spare take over; KEEP=1 leaves it up
	mkdir -p target/demo
	python3 tests/demo/demo.py $(UNDERSTUDY) $(DEMO_IMAGE) $(DEV_KEY).pub target/demo/report.json \
		--build-s $$(cat $(DEMO_IMAGE).build-s) $(if $(KEEP),--keep)

.PHONY: demo-mail
demo-mail: demo-image ## Build the image, boot a rack that serves mail, send 2,000 messages through failures (MESSAGES=200); about 25 minutes
	mkdir -p target/demo
	python3 tests/demo/mail_rack.py $(UNDERSTUDY) $(DEMO_IMAGE) $(DEV_KEY).pub target/demo/mail.json \
		$(if $(MESSAGES),--messages $(MESSAGES)) $(if $(KEEP),--keep)

# The tests build the command, with what their own dependencies ask of crates that both use: built before, it would be built twice.
.PHONY: test
test: packages form ## Run every test, and the lints on the way; machines under emulation take their time
	$(BUILD_NODE)
	UNDERSTUDY_NODE=$(BIN)/understudy-node $(RUN_LINTED) $(RUN_TESTS)

.PHONY: lint
lint: form ## Check format, lints and licences
	cargo clippy --workspace --all-targets --all-features --profile tests --locked -- -D warnings

# What is checked without the workspace's own compilation.
.PHONY: form
form: packages
	@cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 \
		|| { echo "NOT CHECKED: format and lints (rustup component add rustfmt clippy)" >&2; exit 0; }; \
	set -x; cargo fmt --all --check; \
	cd tests/fuzz; cargo fmt --check; cargo clippy --profile tests --locked -- -D warnings
	if cargo deny --version >/dev/null 2>&1; then cargo deny --offline check bans licenses sources; fi

.PHONY: mutants
mutants: ## Break takeover, the mail library and its front end in every way that their tests name, one at a time, and see them fail
	python3 tests/mutants/plan.py
	python3 tests/mutants/node.py
	python3 tests/mutants/mail.py
	python3 tests/mutants/access.py

.PHONY: bench-build
bench-build: build ## Time a build beside mmdebstrap; writes target/bench/build.json
	python3 tests/bench/build.py $(UNDERSTUDY) $(if $(RUNS),--runs $(RUNS))

.PHONY: bench-netboot
bench-netboot: packages ## DHCP, TFTP and HTTP beside other servers (CASES=dhcp,files RUNS=5 LOCK='files')
	cargo build --release --locked
	cargo build --release --locked -p understudy-netboot --example serve-files
	python3 tests/bench/netboot.py $(UNDERSTUDY) $(BIN)/examples/serve-files $(if $(CASES),--cases $(CASES)) \
		$(if $(RUNS),--runs $(RUNS)) $(addprefix --lock ,$(LOCK))

.PHONY: bench-takeover
bench-takeover: demo-image ## Takeovers in a row beside keepalived in the same rack (TAKEOVERS=20 RUNS=5 AWAY=1); about 20 minutes
	PYTHONPATH=tests/demo python3 tests/bench/takeover.py $(UNDERSTUDY) $(DEMO_IMAGE) $(DEV_KEY).pub \
		$(if $(TAKEOVERS),--takeovers $(TAKEOVERS)) $(if $(RUNS),--runs $(RUNS)) $(if $(AWAY),--away $(AWAY))

.PHONY: bench-mail
bench-mail: packages ## Mail delivered and read beside Postfix and Dovecot, as root (CASES=delivery,reading,waking RUNS=5); about 50 minutes
	cargo build --release --locked -p inbound -p mailstore -p access -p mailctl
	cargo build --release --locked -p mail --example mail-load
	python3 tests/bench/mail.py $(BIN) $(BIN)/examples/mail-load $(if $(CASES),--cases $(CASES)) $(if $(RUNS),--runs $(RUNS))

.PHONY: soak-mail
soak-mail: packages ## Kill the mail daemons, fill their disk, cut their power, see what is missing (KILLS=200 CUTS=50 PARTS=kills,cuts SEED=1); about 30 minutes
	cargo build --release --locked $(PROGRAMS)
	PYTHONPATH=tests/bench:tests/demo python3 tests/soak/mail.py $(BIN) $(if $(KILLS),--kills $(KILLS)) $(if $(CUTS),--cuts $(CUTS)) \
		$(if $(PARTS),--parts $(PARTS)) $(if $(SEED),--seed $(SEED))

.PHONY: fuzz
fuzz: packages ## Fuzz every parser of untrusted bytes for SECONDS (60) each; findings go to target/fuzz
	cd tests/fuzz; CARGO_TARGET_DIR=$(CARGO_TARGET_DIR)/fuzz RUSTFLAGS="$(FUZZ_FLAGS)" \
		cargo build --release --locked --bins --target $(NODE_TARGET)
	for name in $(FUZZ_TARGETS); do \
		mkdir -p target/fuzz/$$name; \
		echo "$$name, for $(or $(SECONDS),60) s"; \
		$(CARGO_TARGET_DIR)/fuzz/$(NODE_TARGET)/release/$$name -max_total_time=$(or $(SECONDS),60) -timeout=10 \
			-rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 -artifact_prefix=target/fuzz/$$name- \
			target/fuzz/$$name tests/fuzz/corpus/$$name 2>target/fuzz/$$name.log \
			|| { tail -40 target/fuzz/$$name.log >&2; exit 1; }; \
		grep -E 'DONE|number_of_executed_units' target/fuzz/$$name.log; \
	done
