# The commands of the README. Everything else is Cargo's.

.PHONY: run test lint setup

run: setup ## build Firekeep and start it, with the embedded store
	@echo "Building Firekeep. The first build compiles RocksDB's C++ (12 to 20 minutes on 2 cores); later ones take seconds to minutes."
	cargo run --release --bin firekeep -- serve

test: setup ## set up and run every test
	cargo nextest run --workspace

lint: ## format, clippy, layering, docs
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo xtask tidy
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

setup:
	@sh xtask/setup.sh
