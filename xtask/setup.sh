#!/bin/sh
# Installs the Debian packages that a build (`build`) and the tests (`test`) need, where they are missing.
# Needs root or sudo only then.
set -eu
missing=
need() { # COMMAND PACKAGE
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
for part in "$@"; do
  case $part in
  build)
    need c++ g++
    need cmake cmake
    need ccache ccache
    need clang clang
    ls /usr/lib/llvm-*/lib/libclang*.so* >/dev/null 2>&1 || missing="$missing libclang-dev"
    ;;
  test)
    need chromium chromium
    need openssl openssl
    ;;
  esac
done
if [ -n "$missing" ]; then
  echo "Installing Debian packages:$missing"
  sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  # shellcheck disable=SC2086 # a list of words
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null
fi
case " $* " in
*" test "*) command -v cargo-nextest >/dev/null 2>&1 || cargo install --locked cargo-nextest ;;
esac
