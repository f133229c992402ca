# Part of the launcher (./loupe test): sets up what the tests need and the machine lacks, runs them all, checks the skips.
# shellcheck shell=bash disable=SC2154  # root, jdk, say, fail, maven come from the launcher

tests_usage='Usage: ./loupe test [MAVEN ARGUMENT...]

All tests: mvn verify on the JDK that Loupe needs, with the format check and the web UI in a headless Chromium; at the
end a skip that tests/skips.txt does not list fails the run. What is missing is set up first: Chromium (the
distribution'"'"'s package as root or with password-less sudo, else Playwright'"'"'s download) and, where Python 3 is
present, the small environment tests/.venv of the interop tests.

  --cluster                            also the tests on a Spark cluster of this machine, and on HDFS; Spark (230 MB) and
                                       daemons of Hadoop (56 MB) are fetched once
  --peers                              also the tests that open our files with the large Python libraries (SAELens,
                                       circuit-tracer, ...), in an environment tests/.venv-peers of 2 GB made for them
  CHROMIUM=PROGRAM                     the browser to use
  --readme                             runs every command that the README shows instead, in a new workspace (half an hour on
                                       two cores; those that need a network or never end are named and left out)
  ./loupe test -pl sae-train -am       one module and what it needs
  ./loupe test -Dseed=42               replays the property tests of a run'

run_tests() {
    case $1 in -h | --help) printf '%s\n' "$tests_usage"; exit 0 ;; esac
    local chromium python without_peers='peers' without_cluster='cluster' excluded more=()
    while :; do
        case $1 in
            --peers)
                set_up_peers
                without_peers=
                more+=("-Dloupe.peers=$root/tests/.venv-peers/bin/python") ;;
            --cluster) without_cluster= ;;
            --readme)
                shift
                . "$root/tests/run-readme.sh"
                run_readme "$@"
                exit ;;
            *) break ;;
        esac
        shift
    done
    excluded=$without_peers${without_peers:+${without_cluster:+ | }}$without_cluster
    more+=("-Dloupe.excluded.tags=$excluded")
    set_up_chromium
    set_up_python
    # what the launcher compiled without the static checks is compiled again with them
    if [ -e "$root/target/unchecked" ]; then
        rm -rf "$root"/*/target/maven-status "$root"/tests/*/target/maven-status "$root/target/unchecked"
    fi
    # reports of earlier runs would be counted as this one's
    rm -rf "$root"/*/target/surefire-reports "$root"/tests/*/target/surefire-reports
    maven -B verify "-Dloupe.chromium=$chromium" "-Dloupe.python=$python" "${more[@]}" "$@" || exit 1
    "$jdk/bin/java" -cp "$root/tests/fixtures/target/classes" dev.loupe.fixtures.SkipCheck "$root" || exit 1
}

# ---------------------------------------------------------------------------------------------------- Chromium

# A browser that runs: Ubuntu's chromium-browser, for one, is often only a pointer to another package.
runs() { [ -n "$1" ] && "$1" --version > /dev/null 2>&1; }

find_chromium() {
    local name
    for name in "$CHROMIUM" chromium chromium-browser google-chrome google-chrome-stable \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" /Applications/Chromium.app/Contents/MacOS/Chromium \
        "$HOME"/.cache/ms-playwright/chromium-*/chrome-linux*/chrome \
        "$HOME"/Library/Caches/ms-playwright/chromium-*/chrome-mac*/*.app/Contents/MacOS/*; do
        if runs "$name"; then
            chromium=$(command -v "$name")
            return 0
        fi
    done
    return 1
}

# as_root COMMAND...: as root, or with sudo where it asks for no password
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    command -v apt-get > /dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2> /dev/null; }
}

apt_install() {
    { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } \
        >> "$root/target/setup.log" 2>&1
}

set_up_chromium() {
    [ -z "$CHROMIUM" ] || runs "$CHROMIUM" || fail "CHROMIUM=$CHROMIUM does not run."
    mkdir -p "$root/target"
    find_chromium && return
    if may_install; then
        say "No Chromium for the tests of the web UI: installing the package chromium with apt-get ..."
        apt_install chromium && find_chromium && return
    fi
    say "No Chromium for the tests of the web UI: trying Playwright's own download ..."
    playwright_download >> "$root/target/setup.log" 2>&1 && find_chromium && return
    fail "The tests of the web UI need Chromium and none could be installed (see target/setup.log): type" \
        "'sudo apt-get install chromium', or set CHROMIUM to the program of a Chromium or Chrome."
}

playwright_download() {
    maven -q -B -pl tests/e2e -am -DskipTests -Dspotless.check.skip=true package || return
    "$jdk/bin/java" -cp "$(class_path "$root/tests/e2e/target/classpath" "$root")" com.microsoft.playwright.CLI install chromium
}

# ---------------------------------------------------------------------------------------------------- Python

set_up_python() {
    python=
    command -v python3 > /dev/null || return 0
    local venv=$root/tests/.venv wanted=$root/tests/python/requirements-interop.txt
    if ! cmp -s "$wanted" "$venv/made-of.txt"; then
        say "Making the Python environment of the interop tests in tests/.venv ..."
        mkdir -p "$root/target"
        rm -rf "$venv"
        if ! make_venv "$venv" && may_install; then
            say "Python's venv module is missing: installing the package python3-venv with apt-get ..."
            apt_install python3-venv && make_venv "$venv"
        fi
        [ -x "$venv/bin/pip" ] || fail "python3 cannot make environments here (see target/setup.log):" \
            "type 'sudo apt-get install python3-venv'."
        "$venv/bin/python" -m pip install -q --disable-pip-version-check -r "$wanted" >> "$root/target/setup.log" 2>&1 ||
            fail "pip could not install ${wanted#"$root"/} (see target/setup.log)."
        cp "$wanted" "$venv/made-of.txt"
    fi
    python=$venv/bin/python
}

set_up_peers() {
    local venv=$root/tests/.venv-peers folder=$root/tests/python
    if ! cat "$folder"/requirements-peers*.txt | cmp -s - "$venv/made-of.txt"; then
        say "Making the Python environment of the peers in tests/.venv-peers (torch included, minutes) ..."
        mkdir -p "$root/target"
        make_venv "$venv" || fail "--peers needs python3 with venv (see target/setup.log)."
        "$venv/bin/python" -m pip install -q --disable-pip-version-check -r "$folder/requirements-peers.txt" \
            >> "$root/target/setup.log" 2>&1 &&
            "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps \
                -r "$folder/requirements-peers-alone.txt" >> "$root/target/setup.log" 2>&1 ||
            fail "pip could not install the peers (see target/setup.log)."
        cat "$folder"/requirements-peers*.txt > "$venv/made-of.txt"
    fi
}

make_venv() {
    rm -rf "$1"
    python3 -m venv "$1" >> "$root/target/setup.log" 2>&1
}
