#!/usr/bin/env bash
# One run on a machine with an NVIDIA GPU: what was proved without one, on the card.
#
#   tests/device/run.sh [OUTPUT-FOLDER]
#
#   PEERS=VENV   a Python environment with tests/python/bench/requirements.txt and a CUDA build of torch (whose nvidia-*
#                packages serve Loupe, too): then the speed table has the peers as well
#
# 1. what `loupe doctor` finds; 2. the contract tests of engines on the card; 3. 200 steps on the processor and on the card,
# with loss curves and weights; 4. steps a second against the peers; 5. the parts of a step. About ten minutes; each part has
# a limit, writes its own file, and does not keep the next from running. Ends with 1 if one failed.
set -u -o pipefail
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
out=${1:-$root/target/device}
mkdir -p "$out"
cd "$root" || exit 1
[ -z "${PEERS:-}" ] || export VIRTUAL_ENV=$PEERS
failed=0

part() { # part NAME SECONDS COMMAND...
    local name=$1 limit=$2 start=$SECONDS
    shift 2
    echo "== $name"
    timeout "$limit" "$@" > "$out/$name.log" 2>&1
    local code=$?
    echo "   $((SECONDS - start)) s, exit $code: $out/$name.log"
    [ $code = 0 ] || failed=1
}

nvidia-smi > "$out/card.txt" 2>&1
part doctor 120 ./loupe doctor --device cuda:0
part contract 420 ./loupe test -pl sae-train -am -Dtest=CudaCardTest,CudaTwoHundredStepsTest,NvrtcTest \
    -Dsurefire.failIfNoSpecifiedTests=false -Dloupe.fuzz.cases=20000
cp sae-train/target/surefire-reports/TEST-*Cuda*.xml sae-train/target/two-hundred-steps.tsv "$out" 2> /dev/null
peers=()
[ -z "${PEERS:-}" ] || peers=(--python "$PEERS")
for bench in gpu-topk gpu-topk-sparsify gpu-topk-dictionary gpu-large gpu-large-sparsify gpu-large-dictionary gpu-batchtopk \
    gpu-jumprelu; do
    part "train-step-$bench" 240 ./loupe bench "train-step-$bench" --rounds 5 --warmups 2 --json "${peers[@]}"
done
for bench in gpu-topk gpu-large; do # slower: the card waits between parts
    LOUPE_JAVA_OPTS="${LOUPE_JAVA_OPTS:-} -Dloupe.cuda.times=on" \
        part "parts-$bench" 120 ./loupe bench "train-step-$bench" --rounds 3 --warmups 2 --json
done
exit $failed
