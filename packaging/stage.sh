#!/usr/bin/env bash
# Writes what stands beside the programs where they are installed into packaging/staged: man pages, completions, licences.
# Takes the folder that holds programs of this machine, from which the pages come [default: target/dist].
set -euo pipefail
cd "$(dirname "$0")/.."

programs=${1:-${CARGO_TARGET_DIR:-target}/dist}
staged=packaging/staged
rm -rf "$staged"
mkdir -p "$staged"/affekt/completions "$staged"/affekt-live/completions

# zsh knows a completion by an underscore before its name.
complete() {
    "$@" bash >"$staged/$name/completions/$name"
    "$@" zsh >"$staged/$name/completions/_$name"
    "$@" fish >"$staged/$name/completions/$name.fish"
}
name=affekt
"$programs/affekt" man "$staged/affekt/man" >/dev/null
complete "$programs/affekt" completions
name=affekt-live
"$programs/affekt-live" --man "$staged/affekt-live/man"
complete "$programs/affekt-live" --completions

# Whatever is in the programs and is not ours alone comes with its licence.
{
    echo "affekt may be used under the terms of the MIT licence or of the Apache licence 2.0, at your choice."
    echo
    cat LICENSE-MIT
    for part in "LICENSE-APACHE:The Apache licence" \
        "assets/fonts/LICENSE:The built-in font, DejaVu Sans"; do
        printf '\n%s\n%s\n\n' "-----------------------------------------------------------------" "${part#*:}"
        cat "${part%%:*}"
    done
} >"$staged/NOTICE"
