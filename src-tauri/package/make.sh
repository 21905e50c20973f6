#!/usr/bin/env bash
# Makes target/package/letterpress_VERSION_ARCH.deb and its .rpm of what is built in target/release; does nothing when they are newer.
# Called by `./dev package` and `./dev test`, which build first. The version is that of the workspace in Cargo.toml.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

out=target/package
programs=(target/release/letterpress target/release/letterpress-desktop)
stamp=$out/complete
for program in "${programs[@]}"; do
  [ -x "$program" ] || { printf 'make.sh: %s is not built: use ./dev package\n' "$program" >&2; exit 1; }
done
if [ -f "$stamp" ] && [ -z "$(find "${programs[@]}" src-tauri/package src-tauri/tauri.conf.json icons Cargo.toml LICENSE ui/package-lock.json \
  -newer "$stamp" -print -quit)" ]; then
  exit 0
fi
rm -rf "$out" target/release/bundle
mkdir -p "$out/files"

target/release/letterpress generate-files "$out/files"
gzip -9 --no-name "$out"/files/man/*.1

# What the programs are linked with, in each family's words: packages in the versions whose symbols are used, and names of libraries. What
# is loaded at run time only, or needed as files, stands in tauri.conf.json.
linked_deb= linked_rpm=
if command -v dpkg-shlibdeps >/dev/null; then
  mkdir -p "$out/control/debian"
  printf 'Source: letterpress\n\nPackage: letterpress\nArchitecture: any\n' >"$out/control/debian/control"
  # Its warnings, that the programs do not lie in a package's folder, are of interest only where it fails.
  linked_deb=$(cd "$out/control" && dpkg-shlibdeps -O "${programs[@]/#/-e../../../}" 2>said | sed -n 's/^shlibs:Depends=//p') ||
    { cat "$out/control/said" >&2; exit 1; }
  rm -r "$out/control"
fi
linked_rpm=$(objdump -p "${programs[@]}" | sed -n 's/^ *NEEDED *//p' | grep -v '^ld-linux' | sort -u | sed 's/$/()(64bit)/' | paste -sd,)
config=$(LINKED_DEB=$linked_deb LINKED_RPM=$linked_rpm node -e '
  const { deb, rpm } = JSON.parse(require("fs").readFileSync("src-tauri/tauri.conf.json", "utf8")).bundle.linux;
  const with_linked = (linked, more) => [...linked.split(/, ?/).filter((one) => one), ...more];
  const depends = { deb: with_linked(process.env.LINKED_DEB, deb.depends), rpm: with_linked(process.env.LINKED_RPM, rpm.depends) };
  console.log(JSON.stringify({ bundle: { linux: { deb: { depends: depends.deb }, rpm: { depends: depends.rpm } } } }));')

# It bundles only, and leaves the programs as they are: they serve both packages.
(cd src-tauri && ../ui/node_modules/.bin/tauri bundle --ci --bundles deb,rpm --no-sign --no-binary-patching --config "$config")

deb=(target/release/bundle/deb/*.deb)
rpm=(target/release/bundle/rpm/*.rpm)
for made in "${deb[0]}" "${rpm[0]}"; do
  name=$(basename "$made")
  mv "$made" "$out/${name,}"
done
rm -rf target/release/bundle
touch "$stamp"
