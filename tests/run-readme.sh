# Part of the launcher (./loupe test --readme): runs every command that the README shows, in its order, in a new workspace.
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
    local place=$root/target/readme line why failed=0 done=0 only=$1 begun file number=0
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
        why=$(readme_reason "$line")
        case $line in *'$'* | *'--on spark'*) why='wants a cluster' ;; *'--on '*) why='fetches Spark; ./loupe test --cluster runs it' ;; esac
        if [ -n "$why" ]; then
            say "left out: loupe $line ($why)"
            continue
        fi
        [ -z "$only" ] || case $line in "$only"*) ;; *) continue ;; esac
        line=${line// DIR / out/export }
        case $line in demo*) line="demo --no-serve" ;; esac
        # fewer tokens and steps show as well whether a command does what the tour says
        line=${line/--tokens 500000/--tokens 20000}
        line=${line/--tokens 4M,1M/--tokens 20000,10000}
        line=${line/--seeds 0..4/--seeds 0,1}
        case $line in
            train*) line+=" --steps 100" ;;
            "diagnose --sae"*) line+=" --tokens 3000" ;;
        esac
        case $line in *" --change 2_512_4=0"*) line=${line/2_512_4/$(readme_node)} ;; esac
        number=$((number + 1))
        file=$place/outputs/$(printf '%02d %s' $number "$line" | tr -c 'A-Za-z0-9\n' '-' | cut -c 1-60).txt
        begun=$SECONDS
        if bash -c "./loupe $line" > "$file" 2>&1 < /dev/null; then
            done=$((done + 1))
            say "$((SECONDS - begun)) s: loupe $line"
        else
            failed=$((failed + 1))
            say "FAILED after $((SECONDS - begun)) s: loupe $line"
            tail -n 5 "$file" >&2
        fi
    done < <(readme_commands "$root/README.md")
    say "$done commands of the README ran, $failed failed; what each printed is in $place/outputs."
    [ $failed = 0 ]
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
