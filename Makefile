# The commands of the README. Everything else is Cargo's.

.PHONY: run test test-rust test-e2e bench lint fuzz package setup setup-test setup-lint

BIN = $(CURDIR)/target/debug/firekeep

run: setup ## build Firekeep and start it, with the embedded store and no configuration
	@echo "Building Firekeep. The first build compiles RocksDB's C++, 12 to 20 minutes on 2 cores; later ones take seconds."
	cargo build --release --bin firekeep
	./target/release/firekeep serve

test: setup-test test-rust test-e2e ## set up and run every test

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

bench: setup-test ## what the release binary costs, as ratios beside their targets
	cargo build --release --bin firekeep --bin firekeep-bench --bin storage
	cd benches/emulator && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	./target/release/firekeep-bench
	./target/release/storage

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

setup-lint:
	@sh xtask/setup.sh build lint
