#!/usr/bin/env bash
# Packs what tests/device/run.sh needs on a machine with an NVIDIA GPU that has no Java, no Maven and no network.
#
#   tests/device/pack.sh [FILE]        default target/device/pack.tar.xz, some 40 MB
#
# A Java runtime of the modules that are needed, the compiled tests and benchmarks, and the few libraries that they load. There: unpack nothing, copy the checkout with this
# file in its place and start tests/device/run.sh. For Linux x86-64, as this machine must be.
set -eu -o pipefail
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
file=${1:-$root/target/device/pack.tar.xz}
junit=$(sed -n 's|.*<junit.version>\(.*\)</junit.version>.*|\1|p' "$root/pom.xml")
: "${JAVA_HOME:?must name a JDK of version 25}"
cd "$root"
mvn=(./mvnw)
[ -z "$(command -v mvn || true)" ] || mvn=(mvn)
"${mvn[@]}" -q -B -pl sae-train,tests/bench -am -Dspotless.check.skip=true test-compile \
    dependency:build-classpath -Dmdep.includeScope=test -Dmdep.outputFile=target/device-classpath
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/pack/lib" "$(dirname "$file")"
"${mvn[@]}" -q -B -N dependency:copy -Dartifact="org.junit.platform:junit-platform-console-standalone:$junit" \
    -DoutputDirectory="$work/pack/lib"
number=0
while read -r entry; do
    if [ -d "$entry" ]; then
        number=$((number + 1))
        cp -R "$entry" "$work/pack/lib/classes-$number"
    elif [ -f "$entry" ]; then
        case $(basename "$entry") in
            picocli* | jackson* | jspecify* | arrow* | flatbuffers* | slf4j* | assertj* | api-*) cp "$entry" "$work/pack/lib/" ;;
        esac
    fi
done < <({ printf '%s\n' sae-train/target/test-classes tests/bench/target/classes
    for module in sae-train tests/bench; do
        tr ':' '\n' < "$module/target/device-classpath"
        echo
    done; } | awk 'NF && !seen[$0]++')
modules=java.base,java.logging,java.management,java.naming,java.net.http,java.sql,java.xml,java.desktop
modules=$modules,jdk.incubator.vector,jdk.unsupported,jdk.management,jdk.zipfs
"$JAVA_HOME/bin/jlink" --add-modules "$modules" --strip-debug --no-header-files --no-man-pages --output "$work/pack/java"
[ ! -f "$work/pack/java/lib/server/classes.jsa" ] || rm "$work/pack/java/lib/server/"classes*.jsa
tar -C "$work" -cf - pack | xz -T0 -6 > "$file.part"
mv "$file.part" "$file"
echo "$file: $(du -h "$file" | cut -f 1)"
