#!/bin/sh
# Packs the release binary as dist/firekeep-VERSION-ARCH.tar.gz and as a .deb.
set -eu
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
arch=$(dpkg --print-architecture)
name=firekeep-$version-$arch
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p dist "$root/$name" "$root/deb/usr/bin" "$root/deb/DEBIAN" "$root/deb/usr/share/doc/firekeep"
cp target/release/firekeep LICENSE README.md "$root/$name/"
strip "$root/$name/firekeep"
tar -C "$root" -czf "dist/$name.tar.gz" "$name"
cp "$root/$name/firekeep" "$root/deb/usr/bin/"
cp LICENSE "$root/deb/usr/share/doc/firekeep/copyright"
cat >"$root/deb/DEBIAN/control" <<CONTROL
Package: firekeep
Version: $version
Architecture: $arch
Maintainer: The Firekeep authors <firekeep@localhost>
Depends: libc6, libgcc-s1, libstdc++6
Section: net
Priority: optional
Description: Self-hosted server for apps that use Firebase's SDKs
 Accounts, custom tokens and the Identity Toolkit protocol in one program.
CONTROL
dpkg-deb --root-owner-group --build "$root/deb" "dist/$name.deb" >/dev/null
ls -l "dist/$name.tar.gz" "dist/$name.deb"
