# Part of the launcher (./loupe test --readme): runs every command that the README shows, in its order, in a new workspace,
# then its blocks in other languages against a server, then the commands of the pages for people from other programs.
# shellcheck shell=bash disable=SC2154  # root, say, fail come from the launcher

# Commands that are not run, by what they begin with, and why.
readme_left_out='demo --model|a second model, fetched from PyPI
demo --circuits|trains transcoders; the nightly demo does
model pull|fetches from a network
serve|never ends; the browser tests start it
test|this is it
dist|builds a release; it has tests of its own
bench|benchmarks want a quiet machine
import gpt2-small|fetches from a network
import hf:|fetches from a network
import params.npz|wants a file of Gemma Scope
label|wants a service that writes labels
circuit graph --open language-english|compares graphs that demo --circuits makes'

run_readme() {
    local place=$root/target/readme line failed=0 done=0 only=$1 file number=0 page
    # one command alone uses what an earlier run of all has made
    [ -n "$only" ] && [ -d "$place/workspace" ] || rm -rf "$place"
    mkdir -p "$place/my-texts" "$place/outputs"
    ln -sf "$root/loupe" "$place/loupe"
    # what the tour takes for granted: texts of one's own, and a sweep
    local i
    for ((i = 0; i < 400; i++)); do
        printf '{"text": "I would like to thank the rapporteur for report %d. Je voudrais remercier le rapporteur. Wir stimmen ab."}\n' "$i"
    done > "$place/my-texts/texts.jsonl"
    printf 'name: widths\nstore: mine\narch: [topk, jumprelu]\nd_sae: [256, 512]\nk: 16\nseeds: 0\nsteps: 200\n' > "$place/widths.yaml"
    export LOUPE_WORKSPACE=$place/workspace
    cd "$place" || exit 1
    while IFS= read -r line; do
        readme_run "$line"
    done < <(readme_commands "$root/README.md")
    for page in "$root"/server/docs/coming-from-*.md; do
        while IFS= read -r line; do
            readme_run "$(readme_filled "$line")"
        done < <(readme_named "$page")
    done
    case $only in '' | blocks) readme_blocks ;; esac
    say "$done commands and blocks of the README and its pages ran, $failed failed; what each printed is in $place/outputs."
    [ $failed = 0 ]
}

# readme_run COMMAND: runs it as it stands or in small, unless there is a reason not to
readme_run() {
    local line=$1 why
    why=$(readme_reason "$line")
    case $line in *'$'* | *'--on spark'*) why='wants a cluster' ;; *'--on '*) why='fetches Spark; ./loupe test --cluster runs it' ;; esac
    if [ -n "$why" ]; then
        say "left out: loupe $line ($why)"
        return
    fi
    [ -z "$only" ] || case $line in "$only"*) ;; *) return ;; esac
    line=${line// DIR / out/export }
    case $line in demo*) line="demo --no-serve" ;; esac
    # fewer tokens and steps show as well whether a command does what the tour says
    line=${line/--tokens 500000/--tokens 20000}
    line=${line/--tokens 4M,1M/--tokens 20000,10000}
    line=${line/--seeds 0..4/--seeds 0,1}
    line=${line/--d-sae 16384/--d-sae 512}
    case $line in
        *--presets*) ;;
        train*) line+=" --steps 100" ;;
        "diagnose --sae"*) line+=" --tokens 3000" ;;
    esac
    case $line in *" --change 2_512_4=0"*) line=${line/2_512_4/$(readme_node)} ;; esac
    readme_do "loupe $line" "$place" bash -c "./loupe $line"
}

# readme_do NAME FOLDER COMMAND...: runs it there; what it prints is kept, whether it failed is counted
readme_do() {
    local name=$1 folder=$2 begun=$SECONDS
    shift 2
    number=$((number + 1))
    file=$place/outputs/$(printf '%02d %s' $number "$name" | tr -c 'A-Za-z0-9\n' '-' | cut -c 1-60).txt
    if (cd "$folder" && exec "$@") > "$file" 2>&1 < /dev/null; then
        done=$((done + 1))
        say "$((SECONDS - begun)) s: $name"
    else
        failed=$((failed + 1))
        say "FAILED after $((SECONDS - begun)) s: $name"
        tail -n 5 "$file" >&2
    fi
}

# The blocks in Python and Java and the curl commands, with a server on the workspace of the tour.
readme_blocks() {
    local served='' second pid n=0 block candidate
    ./loupe serve --port 0 > "$place/outputs/serve.txt" 2>&1 &
    pid=$!
    for ((second = 0; second < 120; second++)); do
        served=$(grep -m 1 -o 'localhost:[0-9]*' "$place/outputs/serve.txt") && break
        kill -0 "$pid" 2> /dev/null || break
        sleep 1
    done
    [ -n "$served" ] || { failed=$((failed + 1)); say "FAILED: the server does not start"; tail -n 5 "$place/outputs/serve.txt" >&2; return; }
    readme_curl "$root/README.md" | sed "s/localhost:7070/$served/; s/^curl /curl -fsS /" > "$place/curl.sh"
    if command -v curl > /dev/null; then readme_do "curl" "$place" bash -e "$place/curl.sh"; else say "left out: curl (it is not there)"; fi
    while :; do
        n=$((n + 1))
        block=$place/block$n.py
        readme_block python $n "$root/README.md" | sed "s/localhost:7070/$served/" > "$block"
        [ -s "$block" ] || break
        python=
        for candidate in "$root/tests/.venv-peers/bin/python" "$root/tests/.venv/bin/python" python3; do
            if "$candidate" -c "$(grep -E '^(import|from) ' "$block")" > /dev/null 2>&1; then python=$candidate; break; fi
        done
        if [ -n "$python" ]; then readme_do "python block $n" "$place/workspace" "$python" "$block"; else
            say "left out: python block $n (its modules are not there: $(grep -E '^(import|from) ' "$block" | tr '\n' ' '))"
        fi
    done
    { echo 'import dev.loupe.client.*;'; readme_block java 1 "$root/README.md" | sed "s/localhost:7070/$served/"; echo /exit; } > "$place/block.jsh"
    readme_do "java block" "$place" bash -c '"$0" -s --class-path "$1" "$2" 2>&1 | tee /dev/stderr | { ! grep -E "^\|? *(Error|Exception|.*cannot find)"; }' \
        "$jdk/bin/jshell" "$(class_path "$root/ui/target/classpath" "$root/ui/target")" "$place/block.jsh"
    kill -TERM "$pid" 2> /dev/null
    wait "$pid" 2> /dev/null
}

# readme_block LANGUAGE N FILE: the n-th block of a language
readme_block() {
    awk -v fence='```'"$1" -v n="$2" '
        $0 == fence { seen++; inside = seen == n; next }
        /^```/ { inside = 0; next }
        inside' "$3"
}

# The curl commands of code blocks, to the end of their last quote.
readme_curl() {
    awk '
        /^```/ { block = !block; next }
        block && /^curl / { inside = 1; quotes = 0 }
        inside { print; quotes += gsub(/\047/, "&"); if (quotes % 2 == 0 && quotes > 0) inside = 0 }' "$1"
}

# The commands that a page names between back quotes, those left out that are only a name.
readme_named() {
    awk -F '`' '{ for (i = 2; i < NF; i += 2) if ($i ~ /^loupe [a-z]+ ./) { sub(/^loupe +/, "", $i); print $i } }' "$1"
}

# readme_filled COMMAND: with something of the tour in place of what a page writes in capitals
readme_filled() {
    local word result='' name=theirs store=stored
    case $1 in *'--store none'*) name=streamed ;; esac
    case $1 in *CACHE*) store=cached ;; esac
    [ -d "$place/folder" ] || cp -R "$place/workspace/saes/topk-s0" "$place/folder"
    for word in $1; do
        case $word in
            FOLDER) word=folder ;;
            DIR) word=out/pages ;;
            FILE.json) word=english.json ;;
            NAME) word=taken ;;
            SAE) word=topk-s0 ;;
            M) word=builtin ;;
            T) word=my-texts/ ;;
            H) word=blocks.3.hook_resid_post ;;
            S) word=$store ;;
            CACHE) word=$root/activations-store/src/test/resources/dev/loupe/capture/saelens-cache ;;
            N) word=$name ;;
        esac
        result+=" $word"
    done
    printf '%s' "${result# }"
}

# The name of a feature's node in the graph that the tour saves: it depends on the transcoders.
readme_node() {
    ./loupe circuit graph --open english --json 2> /dev/null | grep -o '"id" *: *"[0-9]*_[0-9]*_[0-9]*"' | head -n 1 | cut -d '"' -f 4
}

readme_reason() {
    local begin why
    while IFS='|' read -r begin why; do
        case $1 in "$begin"*) printf '%s' "$why"; return ;; esac
    done <<< "$readme_left_out"
}

# The commands of code blocks, a line each: continuations joined, comments cut off.
readme_commands() {
    awk '
        /^```/ { inside = !inside; next }
        !inside { next }
        { line = line $0 }
        /\\$/ { sub(/\\$/, "", line); next }
        {
            if (line ~ /^\.\/loupe /) {
                sub(/^\.\/loupe +/, "", line)
                sub(/[ \t]+#.*$/, "", line)
                gsub(/  +/, " ", line)
                print line
            }
            line = ""
        }' "$1"
}
