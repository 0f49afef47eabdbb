# The one door: what a newcomer and CI run.
SHELL := /bin/bash
SWIFT ?= swift
APT := $(if $(filter 0,$(shell id -u)),,sudo )apt-get
VENV := $(CURDIR)/.build-venv

# What building needs, and the independent tools that the tests compare our output with.
BUILD_PACKAGES := bubblewrap libarchive-dev libssl-dev libsystemd-dev pkg-config
TEST_PACKAGES := binutils cpio cryptsetup-bin dash dosfstools dpkg-dev erofs-utils fdisk gdisk gpg gpg-agent gpgconf \
	gpgv kmod libarchive-tools mtools ovmf python3 python3-venv qemu-system-x86 qemu-utils systemd systemd-boot-efi \
	tar xz-utils zstd

.PHONY: help setup test lint format clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: ## Install with apt what building and testing need
	@missing=$$(dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $(BUILD_PACKAGES) $(TEST_PACKAGES) 2>/dev/null \
	  | awk '$$2 == "installed" { print $$1 }' | sort -u | comm -13 - <(printf '%s\n' $(BUILD_PACKAGES) $(TEST_PACKAGES) | sort -u)); \
	if [ -n "$$missing" ]; then \
	  echo "installing $$missing" | tr '\n' ' '; echo; \
	  $(APT) update -qq && DEBIAN_FRONTEND=noninteractive $(APT) install -qq -y --no-install-recommends $$missing >/dev/null; \
	fi

$(VENV)/bin/pyspdxtools:
	python3 -m venv $(VENV) && $(VENV)/bin/pip --quiet install spdx-tools

test: setup $(VENV)/bin/pyspdxtools ## Build everything and run all tests
	BULKHEAD_VENV=$(VENV) $(SWIFT) test --parallel

lint: ## Check format and style
	$(SWIFT) format lint --strict --parallel -r Sources Tests Package.swift

format: ## Bring all sources into form
	$(SWIFT) format --in-place --parallel -r Sources Tests Package.swift

clean: ## Remove what builds made in this folder
	rm -rf .build .build-* build
