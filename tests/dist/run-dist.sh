# Part of the launcher (./loupe dist): builds the product with every check of its time taken out, and packs it.
# shellcheck shell=bash disable=SC2154  # root, jdk, say, fail, maven come from the launcher

dist_usage='Usage: ./loupe dist [--out DIR] [--natives MACHINE] [--twice]

Packs target/loupe-VERSION.tar.gz: launcher, jars, licences, bill of materials, for machines with a JDK 25 and nothing
else. The same sources give the same bytes.

  --out DIR           where to put it
  --natives MACHINE   with the PyTorch library for this kind of machine inside (linux-x86_64, linux-aarch64, osx-aarch64)
  --twice             builds a second time from a copy of the sources elsewhere, and compares the bytes'

run_dist() {
    local twice='' arguments=() version time out=$root/target
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) printf '%s\n' "$dist_usage"; exit 0 ;;
            --twice) twice=1 ;;
            --out=*) out=${1#*=} ;;
            --out) [ -n "$2" ] || fail "--out wants a folder."; out=$2; shift ;;
            *) arguments+=("$1") ;;
        esac
        shift
    done
    version=$(sed -n 's|^  <version>\(.*\)</version>|\1|p' "$root/pom.xml" | head -n 1)
    time=$(sed -n 's|.*<project.build.outputTimestamp>\(.*\)</project.build.outputTimestamp>.*|\1|p' "$root/pom.xml")
    pack "$root" --out "$out" "${arguments[@]}" || exit 1
    [ -z "$twice" ] || second_build "$out" "${arguments[@]}"
}

# pack FOLDER [ARGUMENT...]: builds the checkout in the folder from nothing and packs it
pack() {
    local root=$1 log=$1/target/dist.log
    shift
    mkdir -p "$root/target"
    lock_build
    say "Building the release from nothing (log: $log) ..."
    # what an earlier build left in these folders would be packed with the rest
    rm -rf "$root"/{activations-store,sae-train,server,ui}/target/{classes,maven-status,generated-sources} \
        "$root"/{activations-store,sae-train,server,ui}/target/*.jar "$root"/ui/target/dependency-maven-plugin-markers \
        "$root"/activations-store/target/dependency-maven-plugin-markers "$root/ui/target/lib"
    touch "$root/target/unchecked"
    if ! maven -q -B -pl tests/dist -am -Dmaven.test.skip=true -Dspotless.check.skip=true -Dloupe.lint=-Xlint:none \
        package > "$log" 2>&1; then
        { grep -E '^\[ERROR\]' "$log" || tail -n 40 "$log"; } | sed '/-> \[Help 1\]/,$d' | head -n 40 >&2
        fail "The build failed; the whole log is in $log."
    fi
    unlock_build
    "$jdk/bin/java" -Xmx1g -cp "$root/tests/dist/target/classes:$(class_path "$root/tests/dist/target/classpath" "$root")" \
        dev.loupe.dist.DistMain --root "$root" --version-name "$version" --time "$time" "$@"
}

# second_build FIRST [ARGUMENT...]: builds a copy of the sources and compares its archive with the one in the folder FIRST
second_build() {
    local other=$root/target/second first=$1 name
    shift
    rm -rf "$other"
    mkdir -p "$other"
    # the sources, without what was built; names by a list, since they are more than fit a command line
    (cd "$root" && git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - 2> /dev/null) | tar xf - -C "$other"
    pack "$other" --out "$other/target" "$@" || exit 1
    for name in "$other"/target/loupe-*.tar.gz; do
        [ -f "$name" ] || fail "The second build left no archive in $other/target."
        cmp "$name" "$first/${name##*/}" || fail "Two builds of the same sources differ: $name and $first/${name##*/}."
        say "Two builds, the same bytes: ${name##*/}"
    done
    rm -rf "$other"
}
