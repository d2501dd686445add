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
UNDERSTUDY := $(BIN)/understudy
# Nobody's secret: it signs images that never leave this machine.
DEV_KEY := target/dev/signing.key

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: packages
packages: ## Install the Debian packages that are missing
	@bash tools/install-packages

.PHONY: build
build: packages ## Build the command and the static node agent
	cargo build --release --locked --quiet
	RUSTFLAGS="$(NODE_FLAGS)" cargo build --release --locked --quiet -p understudy-node --target $(NODE_TARGET)
	install -m 755 $(CARGO_TARGET_DIR)/$(NODE_TARGET)/release/understudy-node $(BIN)/understudy-node

