#!/usr/bin/env bash
# One run on a machine with an NVIDIA GPU: what was proved without one, on the card. At most eight minutes.
#
#   tests/device/run.sh [OUTPUT-FOLDER]
#
#   PEERS=VENV   a Python environment with tests/python/bench/requirements.txt and a CUDA build of torch (whose nvidia-*
#                packages serve Loupe, too): then the speed table has the peers as well; without it, that of `python3` is used
#                for the libraries alone
#   PACK=FILE    made by tests/device/pack.sh, for a machine without Java, Maven and network; default target/device/pack.tar.xz,
#                where it is there
#   TINY=1       a few small steps instead of the table, to try this script
#
# 1. the speed table: steps a second and memory of ours and the peers in one run, and each phase of a step against what the card
# does at best; 2. the contract tests of engines, encoding and matching on the card; 3. 200 steps on the processor and on the
# card, with loss curves and weights. Each part has a limit, writes its own file, and does not keep the next from running.
# Ends with 0 if all went well, 1 if a part failed, 3 where there is no GPU.
set -u -o pipefail
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
out=${1:-$root/target/device}
pack=${PACK:-$root/target/device/pack.tar.xz}
mkdir -p "$out" || exit 1
out=$(cd -P "$out" && pwd)
cd "$root" || exit 1
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -n "${PEERS:-}" ]; then
    export VIRTUAL_ENV=$PEERS
elif [ -z "${VIRTUAL_ENV:-}${CONDA_PREFIX:-}${LOUPE_CUDA_PATH:-}" ] && [ -n "$(command -v python3)" ]; then
    VIRTUAL_ENV=$(python3 -c 'import sys; print(sys.prefix)')
    export VIRTUAL_ENV
fi

part() { # part NAME SECONDS COMMAND...
    local name=$1 limit=$2 start=$SECONDS
    shift 2
    echo "== $name"
    timeout "$limit" "$@" > "$out/$name.log" 2>&1
    code=$?
    echo "   $((SECONDS - start)) s, exit $code: $out/$name.log"
}

java=()
if [ -f "$pack" ]; then
    tar -C "$work" -xJf "$pack" || exit 1
    mapfile -t flags < <(grep '^-' "$root/.jvmopts")
    class_path=$(printf '%s:' "$work"/pack/lib/classes-* "$work"/pack/lib/*.jar)
    java=("$work/pack/java/bin/java" "${flags[@]}" -Xmx6g "-Dloupe.root=$root" -cp "${class_path%:}")
fi

bench() {
    local peers=()
    [ -z "${PEERS:-}" ] || peers=(--python "$PEERS")
    [ -z "${TINY:-}" ] || peers+=(--tiny --rounds 2 --warmups 1)
    if [ ${#java[@]} -gt 0 ]; then
        part table 280 "${java[@]}" dev.loupe.bench.BenchMain train-cuda --json "$out/table.json" --seconds 200 "${peers[@]}"
    else
        export LOUPE_JAVA_OPTS="${LOUPE_JAVA_OPTS:-} -Xmx6g"
        part table 280 ./loupe bench train-cuda --json "$out/table.json" --seconds 200 "${peers[@]}"
    fi
}

contract() { # contract NAME SECONDS CLASS...
    local name=$1 limit=$2
    shift 2
    if [ ${#java[@]} -gt 0 ]; then
        part "$name" "$limit" "${java[@]}" org.junit.platform.console.ConsoleLauncher execute \
            --disable-banner --details=tree --reports-dir "$out" "${@/#/--select-class=}"
    else
        local names=("${@##*.}")
        part "$name" "$limit" ./loupe test -pl sae-train -am "-Dtest=$(IFS=,; echo "${names[*]}")" \
            -Dsurefire.failIfNoSpecifiedTests=false
    fi
    [ "$code" = 0 ] || failed=1
}

nvidia-smi > "$out/card.txt" 2>&1
bench
cat "$out/table.log"
if [ "$code" = 3 ]; then
    exit 3 # it said that there is no GPU
fi
[ "$code" = 0 ] || failed=1
contract contract 140 dev.loupe.engine.CudaCardTest dev.loupe.engine.cuda.CudaCardEncoderTest \
    dev.loupe.compare.CudaCardCandidatesTest
contract steps 50 dev.loupe.train.CudaTwoHundredStepsTest
for curves in target/two-hundred-steps.tsv sae-train/target/two-hundred-steps.tsv; do
    [ ! -f "$curves" ] || cp "$curves" "$out"
done
exit $failed
