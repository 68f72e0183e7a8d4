#!/bin/sh
# Fuzzes targets of fuzz/ for SECONDS each, as many at a time as there are processors.
#
#   sh xtask/fuzz.sh 10             every target
#   sh xtask/fuzz.sh 600 jws user   these
#
# Needs neither cargo-fuzz nor a nightly compiler: LLVM's coverage pass is in every rustc, and libfuzzer-sys carries
# libFuzzer's source. Our code has no `unsafe`; to watch that of our dependencies, SANITIZER=address adds
# AddressSanitizer, which a stable rustc has but hides.
#
# What a run finds is kept in fuzz/target/corpus for the next one; the seeds in fuzz/corpus are only read.
set -eu
cd "$(dirname "$0")/../fuzz"
seconds=${1:-10}
[ $# -eq 0 ] || shift
if [ $# -eq 0 ]; then
  for file in fuzz_targets/*.rs; do
    set -- "$@" "$(basename "$file" .rs)"
  done
fi

# With --target, these flags are for the targets and their libraries, and not for build scripts.
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
RUSTFLAGS="$RUSTFLAGS -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
RUSTFLAGS="$RUSTFLAGS -Cllvm-args=-sanitizer-coverage-pc-table"
RUSTFLAGS="$RUSTFLAGS -Cllvm-args=-sanitizer-coverage-trace-compares"
folder=target
if [ -n "${SANITIZER:-}" ]; then
  RUSTFLAGS="$RUSTFLAGS -Zsanitizer=$SANITIZER"
  folder=target/$SANITIZER
  export RUSTC_BOOTSTRAP=1
fi
export RUSTFLAGS
cargo build --release --target "$host" --target-dir "$folder"

run='
  folder=$1 seconds=$2 target=$3
  mkdir -p "target/corpus/$target" "corpus/$target" "artifacts/$target"
  log=artifacts/$target/log
  if RUST_BACKTRACE=1 "$folder/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
    -dict=words.dict -artifact_prefix="artifacts/$target/" "target/corpus/$target" "corpus/$target" >"$log" 2>&1
  then
    done=$(sed -n "s/^Done //p" "$log")
    coverage=$(sed -n "s/.* cov: \([0-9]*\) .*/\1/p" "$log" | tail -n 1)
    echo "fuzz: $target: $done, coverage $coverage"
  else
    tail -n 60 "$log"
    echo "fuzz: $target FAILED. Its input is in fuzz/artifacts/$target; to run it again:"
    echo "  (cd fuzz && $folder/$target artifacts/$target/FILE)"
    exit 1
  fi'
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} sh -c "$run" run "$folder/$host/release" "$seconds" {}
