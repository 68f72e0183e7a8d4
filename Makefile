# The commands of the README. Everything else is Cargo's.

.PHONY: run test test-rust test-e2e test-python bench lint fuzz package setup setup-test setup-bench setup-lint

BIN = $(CURDIR)/target/debug/firekeep

run: setup ## build Firekeep and start it, with the embedded store and no configuration
	@echo "Building Firekeep. The first build compiles RocksDB's C++, 12 to 20 minutes on 2 cores; later ones take seconds."
	cargo build --release --bin firekeep
	./target/release/firekeep serve

test: setup-test test-rust test-e2e test-python ## set up and run every test

test-rust:
	@echo "Building the tests. The first build compiles RocksDB's C++, 12 to 20 minutes on 2 cores; later ones take seconds."
	cargo nextest run --workspace --no-fail-fast

test-e2e:
	cargo build --bin firekeep
	cd e2e && npm ci --no-audit --no-fund --loglevel=error
	cd e2e && FIREKEEP_BIN=$(BIN) npm test

lint: setup-lint ## format, clippy, layering, what may come into the build, docs
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo xtask tidy
	cargo xtask codegen --check
	cargo deny --log-level error check bans licenses sources
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

PYTHON = $(CURDIR)/target/python
test-python:
	cargo build --bin firekeep
	test -x $(PYTHON)/bin/pip || python3 -m venv $(PYTHON)
	$(PYTHON)/bin/pip install --quiet --disable-pip-version-check --requirement e2e/python/requirements.txt
	cd e2e/python && FIREKEEP_BIN=$(BIN) PYTHONDONTWRITEBYTECODE=1 $(PYTHON)/bin/python -m unittest

bench: setup-bench ## what the release binary costs, as ratios beside their targets
	cargo build --release --bin firekeep --bin firekeep-bench --bin storage --bin documents --bin realtime
	cd benches/emulator && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	./target/release/firekeep-bench
	./target/release/storage
	./target/release/documents
	./target/release/realtime

SECONDS = 10
fuzz: setup ## every parser of foreign bytes, SECONDS each (make fuzz SECONDS=600)
	sh xtask/fuzz.sh $(SECONDS)

package: setup ## a stripped binary as tarball and .deb, in dist/
	cargo build --release --bin firekeep
	sh xtask/package.sh

setup:
	@sh xtask/setup.sh build

setup-test:
	@sh xtask/setup.sh build test

setup-bench:
	@sh xtask/setup.sh build test bench

setup-lint:
	@sh xtask/setup.sh build lint
