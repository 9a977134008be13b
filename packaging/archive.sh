#!/usr/bin/env bash
# Makes an archive of both programs with pages, completions, icon and licences in packaging/out, and its SHA-256 beside it.
#   packaging/archive.sh                             for this machine
#   packaging/archive.sh aarch64-unknown-linux-gnu   for 64-bit Arm; CONTRIBUTING.md says what that needs
# The same commit gives the same archive where compiler and system libraries are the same.
set -euo pipefail
cd "$(dirname "$0")/.."

here=$(rustc --version --verbose | sed -n 's/^host: //p')
target=${1:-$here}
built=${CARGO_TARGET_DIR:-target}
if [ "$target" = "$here" ]; then
    cargo build --profile dist --bins --locked --package affekt --package affekt-live
    programs=$built/dist
else
    # The pages come from programs that this machine can run.
    [ -x "$built/dist/affekt-live" ] || cargo build --profile dist --bins --locked --package affekt --package affekt-live
    cargo build --profile dist --bins --locked --package affekt --package affekt-live --target "$target"
    programs=$built/$target/dist
fi
packaging/stage.sh "$built/dist"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
name=affekt-$version-$target
out=packaging/out
rm -rf "${out:?}/$name"
share=$out/$name/share
mkdir -p "$out/$name/bin" "$share/man/man1" "$share/applications" "$share/icons/hicolor/scalable/apps" \
    "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d" "$share/doc/affekt"
cp "$programs/affekt" "$programs/affekt-live" "$out/$name/bin/"
cp packaging/staged/*/man/*.1 "$share/man/man1/"
for program in affekt affekt-live; do
    cp "packaging/staged/$program/completions/$program" "$share/bash-completion/completions/"
    cp "packaging/staged/$program/completions/_$program" "$share/zsh/site-functions/"
    cp "packaging/staged/$program/completions/$program.fish" "$share/fish/vendor_completions.d/"
done
cp apps/live/desktop/affekt-live.desktop "$share/applications/"
cp apps/live/desktop/affekt-live.svg "$share/icons/hicolor/scalable/apps/"
# Not at the top: it is unpacked over a prefix that others use too.
cp packaging/staged/NOTICE README.md CHANGELOG.md docs/install.md "$share/doc/affekt/"

# Names in order, one owner, the commit's time: nothing in the archive tells who made it or when.
time=$(git log -1 --format=%ct 2>/dev/null || echo 0)
tar --create --sort=name --mtime="@$time" --owner=0 --group=0 --numeric-owner --directory "$out" "$name" |
    xz -6 --threads=1 >"$out/$name.part"
# Whatever is called an archive is a whole one.
mv "$out/$name.part" "$out/$name.tar.xz"
rm -rf "${out:?}/$name"
(cd "$out" && sha256sum "$name.tar.xz" >"$name.tar.xz.sha256")
ls -l "$out/$name.tar.xz"
