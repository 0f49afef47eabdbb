# The one door: what a newcomer and CI run.
SHELL := /bin/bash
SWIFT ?= swift
APT := $(if $(filter 0,$(shell id -u)),,sudo )apt-get
VENV := $(CURDIR)/.build-venv

# What building needs, and the independent tools that the tests compare our output with.
BUILD_PACKAGES := bubblewrap libarchive-dev libssl-dev libsystemd-dev libzstd-dev pkg-config zlib1g-dev
RUN_PACKAGES := ovmf qemu-system-x86 qemu-utils
TEST_PACKAGES := attr binutils busybox-static containerd cpio crun cryptsetup-bin curl dash dbus-daemon \
	docker-registry dosfstools dpkg-dev e2fsprogs erofs-utils faketime fdisk file gdisk gpg gpg-agent gpgconf gpgv gzip jq \
	kmod libarchive-tools mount mtools nginx-light openssh-client openssl procps python3 python3-dbus python3-gi \
	python3-venv runc runsc skopeo systemd systemd-boot-efi systemd-container systemd-timesyncd tar umoci util-linux \
	xz-utils zstd
# What the bench compares us with, besides mkosi, which it fetches itself for the images' own Debian release.
BENCH_PACKAGES := casync cryptsetup-bin dbus-daemon debian-archive-keyring fdisk mount nghttp2-client nginx-light openssl \
	python3 rauc runc squashfs-tools strace uidmap zstd

# What `make image` builds and `make run` boots, and the image that `make test` boots: another folder, all formats.
VARIANT ?= vm-containerd
TEST_OUTPUT := $(CURDIR)/build/test
# Who signs the releases that the machines under test update to.
TEST_KEYS := $(TEST_OUTPUT)/keys

# Each test has limits of its own; this one is for what none has thought of. At a terminal Ctrl-C must reach the tests.
TESTS := timeout $(if $(CI),,--foreground) --kill-after 60 45m $(SWIFT) test --skip-build

# Tests of Tests/Machine that boot nothing but build, or read what was built.
BUILD_SUITES := MachineTests\.(BuildFault|BuiltImage|Inspect|Reproducibility)Tests
MACHINE_TESTS = BULKHEAD_VENV=$(VENV) BULKHEAD_TEST_IMAGE=$$(ls -d $(TEST_OUTPUT)/$(VARIANT)-*) BULKHEAD_TEST_KEYS=$(TEST_KEYS)

.PHONY: help setup setup-run setup-tests setup-bench bulkhead image run test test-containers soak bench fuzz docs lint format clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

# Installs those of the named packages that are not there.
define install
	@missing=$$(dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $(1) 2>/dev/null \
	  | awk '$$2 == "installed" { print $$1 }' | sort -u | comm -13 - <(printf '%s\n' $(1) | sort -u)); \
	if [ -n "$$missing" ]; then \
	  echo "installing $$missing" | tr '\n' ' '; echo; \
	  $(APT) update -qq && DEBIAN_FRONTEND=noninteractive $(APT) install -qq -y --no-install-recommends $$missing >/dev/null; \
	fi
endef

setup: ## Install with apt what building needs
	$(call install,$(BUILD_PACKAGES))

setup-run: setup
	$(call install,$(RUN_PACKAGES))

setup-tests: setup-run
	$(call install,$(TEST_PACKAGES))

setup-bench: setup-run
	$(call install,$(BENCH_PACKAGES))

bulkhead: setup ## Compile the build tool
	$(SWIFT) build --configuration release --product bulkhead

image: bulkhead ## Build the default variant's image (VARIANT=name for another)
	.build/release/bulkhead build $(VARIANT)

run: setup-run bulkhead ## Boot the built image in QEMU; Ctrl-A X ends it
	.build/release/bulkhead run $(VARIANT)

$(VENV)/bin/pyspdxtools:
	python3 -m venv $(VENV) && $(VENV)/bin/pip --quiet install jsonschema spdx-tools

# What reads docs/openapi.yaml and the API's answers: tests of HostAPI, and fuzz/api.py.
$(VENV)/bin/schemathesis: $(VENV)/bin/pyspdxtools
	$(VENV)/bin/pip --quiet install jsonschema openapi-spec-validator prometheus_client pyyaml schemathesis

# The other TUF client and repository writer, which read what ours write and the other way round.
$(VENV)/lib/tuf-installed: $(VENV)/bin/pyspdxtools
	$(VENV)/bin/pip --quiet install cryptography 'tuf>=6'
	touch $@

# The other gRPC server and protobuf codec, which ours speak with.
$(VENV)/lib/grpc-installed: $(VENV)/bin/pyspdxtools
	$(VENV)/bin/pip --quiet install grpcio grpcio-tools
	touch $@

# The client of WebSockets that `GET /exec` is tried with.
$(VENV)/lib/websockets-installed: $(VENV)/bin/pyspdxtools
	$(VENV)/bin/pip --quiet install 'websockets>=13'
	touch $@

test: setup-tests $(VENV)/bin/schemathesis $(VENV)/lib/tuf-installed $(VENV)/lib/grpc-installed $(VENV)/lib/websockets-installed ## Build everything, an image too, and run all tests
	$(SWIFT) build --build-tests
	[ -e $(TEST_KEYS)/1.root.json ] || .build/debug/bulkhead keys init $(TEST_KEYS)
	.build/debug/bulkhead build $(VARIANT) --output $(TEST_OUTPUT) --format raw,qcow2,vmdk \
	  --update-root $(TEST_KEYS)/1.root.json
	# As many tests at once as processors: more only wait for each other, and some of them run into their time limits.
	BULKHEAD_VENV=$(VENV) $(TESTS) --parallel --experimental-maximum-parallelization-width $$(nproc) \
	  --skip MachineTests
	# Builds one after the other: each uses all processors. Then machines, two at once: each is emulated by one thread.
	$(MACHINE_TESTS) $(TESTS) --no-parallel --filter '$(BUILD_SUITES)'
	$(MACHINE_TESTS) $(TESTS) --parallel --experimental-maximum-parallelization-width 2 \
	  --filter MachineTests --skip '$(BUILD_SUITES)'

# Not a part of 'test', whose boots would take half as long again (docs/decisions/0013). The nested suites of BootTests
# change disks, which host containers have no part in.
test-containers: VARIANT := vm-host-containers
test-containers: setup-tests ## After 'make test': boot an image with host containers and come in through them; half an hour
	$(SWIFT) build --build-tests
	.build/debug/bulkhead build $(VARIANT) --output $(TEST_OUTPUT) --format raw \
	  --update-root $(TEST_KEYS)/1.root.json
	$(MACHINE_TESTS) $(TESTS) --parallel --experimental-maximum-parallelization-width 2 \
	  --filter 'MachineTests\.((Bootstrap)?ContainerTests|BootTests/[a-z])'

soak: setup-tests ## After 'make test': updates that hang, and 20 (KILLS=n) and 8 (CUTS=n) that lose power; over an hour
	$(SWIFT) build --build-tests
	$(MACHINE_TESTS) BULKHEAD_UPDATE_HANG=1 BULKHEAD_UPDATE_KILLS=$${KILLS:-20} BULKHEAD_CUT_STATES=$${CUTS:-8} \
	  $(SWIFT) test --skip-build --parallel --experimental-maximum-parallelization-width 2 \
	  --filter 'MachineTests\.(CutState|Update(PowerCut)?)Tests'

bench: setup-bench bulkhead ## Measure against mkosi and others (BENCH='--only verity' for a part; --help)
	SWIFT=$(SWIFT) python3 bench/bench.py $(BENCH)

fuzz: setup-tests $(VENV)/bin/schemathesis ## Try the API server with made-up requests for up to an hour (FUZZ='--seed 1')
	$(SWIFT) build --product bulkhead-host
	$(VENV)/bin/python3 fuzz/api.py --examples 200 --coverage --time-limit 3600 $(FUZZ)

docs: ## Write the pages of docs/ that are made from the sources
	$(SWIFT) build --product bulkhead
	.build/debug/bulkhead settings reference > docs/settings.md
	.build/debug/bulkhead settings reference --format json-schema > docs/settings.schema.json
	.build/debug/bulkhead api openapi > docs/openapi.yaml

lint: ## Check format and style
	$(SWIFT) format lint --strict --parallel -r Sources Tests Package.swift

format: ## Bring all sources into form
	$(SWIFT) format --in-place --parallel -r Sources Tests Package.swift

clean: ## Remove what builds made in this folder
	rm -rf .build .build-* build
