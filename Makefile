# The commands of this project. Each does its own set-up first and says what it installs; see `make help`.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# One set of packages and features for every build, so that nothing is compiled twice.
WORKSPACE := --locked --workspace --features custom-protocol

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
ifneq ($(DISPLAY)$(WAYLAND_DISPLAY),)
run: page ## Open the app on its built-in demo; without a display the same demo in the terminal
	cargo build $(WORKSPACE) --bin image-syncer-desktop
	"$${CARGO_TARGET_DIR:-target}/debug/image-syncer-desktop" --demo
else
run:
	@.ci/setup cli
	cargo run --locked --package cli -- demo
endif

.PHONY: build
build: page ## Build both programs, optimised, in target/release
	cargo build --release $(WORKSPACE) --bin image-syncer --bin image-syncer-desktop

.PHONY: package
package: ## Build the .deb and the tarball of the static binary in dist/, and try both
	@.ci/setup app package
	.ci/package
	.ci/check-package

# The page, embedded in the app.
.PHONY: page
page:
	@.ci/setup app ui
	cd ui && npm run build

.PHONY: test test-rust test-window test-peers test-ui
test: test-ui test-rust ## Run every test

test-rust: page ## Run the tests of every crate, of the headless program and of the app's window
	@.ci/setup test
	cargo test $(WORKSPACE) --no-fail-fast

test-window: page ## Run the tests of the app's window alone
	@.ci/setup test
	cargo test $(WORKSPACE) --test window

test-peers: ## Run the tests against crane, regctl, olareg and distribution 3, installed with Go (minutes, once)
	@.ci/setup cli test peers
	cargo test --locked --package cli --test headless peers
	cargo test --locked --package testkit --test it peers

test-ui: ## Run the tests of the page
	@.ci/setup ui test
	cd ui && npm test && npm run test:browser

.PHONY: screenshots
screenshots: page ## Take pictures of every screen, into artifacts/
	@.ci/setup test
	cargo test $(WORKSPACE) --test window
	cd ui && npm run test:browser

.PHONY: pictures
pictures: page ## Take the pictures of README from the real window
	@.ci/setup test
	SCREENSHOTS=docs/images cargo test $(WORKSPACE) --test window -- readme

.PHONY: lint lint-rust lint-ui lint-files
lint: lint-files lint-ui lint-rust ## Check format, lints, licences, layout, spelling

lint-files: ## Check layout, dependencies between crates, spelling, shell scripts
	@.ci/setup lint
	.ci/check-layout
	shellcheck $$(grep -l "^#!/usr/bin/env bash" .ci/*)
	typos
	cargo deny --locked --log-level error check bans licenses sources
	cargo machete

lint-rust: page ## Check format, clippy and the API docs
	@.ci/setup lint
	cargo fmt --all --check
	cargo clippy $(WORKSPACE) --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings -A rustdoc::private-intra-doc-links' cargo doc $(WORKSPACE) --no-deps --document-private-items

lint-ui: ## Check types, lints and format of the page
	@.ci/setup ui
	cd ui && npm run check && npm run lint && npm run format:check

.PHONY: audit
audit: ## Look for known vulnerabilities in what we depend on (asks GitHub and npm)
	@.ci/setup ui lint
	cargo deny --locked check advisories
	cd ui && npm audit --audit=true --omit=dev

.PHONY: bench
bench: ## Measure the hot paths, and copying side by side with skopeo and, where Go is, other peers
	@.ci/setup cli bench
	cargo bench --locked --package registry --package engine --bench hot --bench relay -- \
	  --warm-up-time 0.5 --measurement-time 2
	cargo bench --locked --package cli --bench peers

.PHONY: soak
soak: ## Copy 10 000 images while everything goes wrong now and then (minutes)
	@.ci/setup cli
	SOAK_IMAGES=10000 cargo test --locked --package engine --test it soak -- --nocapture

.PHONY: bench-ui
bench-ui: ## Measure the page per update (20 000 images, 50 in flight), the start of the window, and its idleness
	@.ci/setup app ui test
	cd ui && npm run bench && npm run build
	cargo bench --locked --features custom-protocol --bench window

.PHONY: icons
icons: ## Render the app icon's sizes from icons/icon.svg
	@.ci/setup ui
	ui/node_modules/.bin/tauri icon icons/icon.svg --output target/icons >/dev/null
	cd target/icons && cp 32x32.png 128x128.png 128x128@2x.png icon.png icon.ico icon.icns ../../icons

.PHONY: clean
clean: ## Remove all that was built or installed here
	rm -rf target dist artifacts gen ui/dist ui/node_modules
