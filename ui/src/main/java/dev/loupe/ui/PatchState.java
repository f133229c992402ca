package dev.loupe.ui;

import com.vaadin.flow.router.QueryParameters;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.task.PatchPair;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the patching page asks, as its address has it; imported pairs live in the page, and in a result once it is saved. */
final class PatchState {
    private static final List<String> KEYS = List.of(
            "saved", "model", "clean", "corrupt", "answer", "wrong", "method", "metric", "rules", "sites", "steps",
            "verify", "task", "pairs", "correct", "seed");

    /** A pair on which the embedded model shows agreement in number. */
    private static final Map<String, String> EXAMPLE = Map.of(
            "model", "builtin",
            "clean", "I would like to thank the rapporteur. I",
            "corrupt", "We would like to thank the rapporteur. We",
            "answer", " am",
            "wrong", " are");

    /** What is left out of the address while it is as here. */
    private static final Map<String, String> USUAL = Map.of("steps", "16", "pairs", "16", "seed", "0");

    /** Cells checked when someone asks for a check without a number: so many of the largest, and as many random ones. */
    static final int TO_VERIFY = 40;

    private final Map<String, String> values = new LinkedHashMap<>();
    private List<PatchPair> imported = List.of();
    private String importedFrom = "";

    /** Takes an address. */
    void read(QueryParameters q) {
        values.clear();
        imported = List.of();
        importedFrom = "";
        KEYS.forEach(key -> values.put(key, Page.parameter(q, key)));
        if (get("clean").isEmpty() && get("corrupt").isEmpty()) {
            String model = get("model");
            values.putAll(EXAMPLE);
            fill("model", model);
            if (!model.isEmpty()) {
                values.put("model", model);
            }
        }
        defaults();
    }

    /** Takes the request of a saved result. */
    void read(PatchRequest r, String id) {
        values.clear();
        values.put("saved", id);
        values.put("model", r.model() == null ? "builtin" : r.model());
        values.put("clean", r.clean());
        values.put("corrupt", r.corrupt());
        values.put("answer", said(r.answer(), r.answers()));
        values.put("wrong", said(r.wrong(), r.wrongs()));
        values.put("method", r.method());
        values.put("metric", r.metric());
        values.put("rules", r.rules().isEmpty() ? "none" : String.join(",", r.rules()));
        values.put("sites", String.join(",", r.sites()));
        values.put("steps", String.valueOf(r.steps()));
        values.put("verify", r.verify() < 0 ? "all" : r.verify() == 0 ? "" : String.valueOf(r.verify()));
        values.put("task", r.task() == null ? "" : r.task());
        values.put("pairs", String.valueOf(r.taskPairs()));
        values.put("correct", r.onlyCorrect() ? "1" : "");
        values.put("seed", String.valueOf(r.seed()));
        imported = r.pairs();
        importedFrom = imported.isEmpty() ? "" : id;
        defaults();
    }

    private void defaults() {
        fill("model", "builtin");
        fill("method", "relp");
        fill("metric", "difference");
        fill("rules", String.join(",", PatchRequest.DEFAULT_RULES));
        fill("sites", String.join(",", PatchRequest.DEFAULT_SITES));
        USUAL.forEach(this::fill);
    }

    private void fill(String key, String value) {
        values.merge(key, value, (old, other) -> old.isEmpty() ? other : old);
    }

    String get(String key) {
        return values.getOrDefault(key, "");
    }

    /** Changes something: what is asked is then no longer what was saved. */
    void set(String key, String value) {
        values.put(key, value);
        values.put("saved", "");
    }

    List<String> list(String key) {
        String v = get(key);
        return v.isEmpty() || v.equals("none") ? List.of() : List.of(v.split(","));
    }

    /** A number, or another where the address has none. */
    int number(String key, int otherwise) {
        return get(key).matches("-?[0-9]{1,7}") ? Integer.parseInt(get(key)) : otherwise;
    }

    /** Takes pairs of a file in place of one pair or a task. */
    void take(List<PatchPair> pairs, String name) {
        imported = List.copyOf(pairs);
        importedFrom = name;
        set("task", "");
    }

    List<PatchPair> imported() {
        return imported;
    }

    String importedFrom() {
        return importedFrom;
    }

    /** The address; of a saved result only its name. */
    Map<String, String> address() {
        Map<String, String> shown = new LinkedHashMap<>();
        if (!get("saved").isEmpty()) {
            shown.put("saved", get("saved"));
            return shown;
        }
        KEYS.forEach(k -> shown.put(k, get(k).equals(USUAL.get(k)) ? "" : get(k)));
        return shown;
    }

    /** How many cells the address wants checked: 0 none, negative all. */
    int toVerify() {
        return switch (get("verify")) {
            case "" -> 0;
            case "1" -> TO_VERIFY;
            case "all" -> -1;
            default -> number("verify", TO_VERIFY);
        };
    }

    /** The question. */
    PatchRequest request() {
        String task = get("task");
        boolean one = task.isEmpty() && imported.isEmpty();
        return new PatchRequest(
                get("model"),
                one ? get("clean") : "",
                one ? get("corrupt") : "",
                one ? alone("answer") : null,
                one ? alone("wrong") : null,
                get("method"),
                get("metric"),
                list("rules"),
                list("sites"),
                number("steps", 16),
                null,
                toVerify(),
                number("seed", 0),
                one ? several("answer") : List.of(),
                one ? several("wrong") : List.of(),
                task.isEmpty() ? imported : List.of(),
                blank(task),
                number("pairs", 16),
                0,
                get("correct").equals("1"));
    }

    /** The one token that a field names; null if it names none or several. */
    private @Nullable String alone(String key) {
        List<String> all = PatchRequest.alternatives(get(key));
        return all.size() == 1 ? all.get(0) : null;
    }

    /** The tokens that a field names, if they are several. */
    private List<String> several(String key) {
        List<String> all = PatchRequest.alternatives(get(key));
        return all.size() > 1 ? all : List.of();
    }

    /** One token or several as a field shows them. */
    static String said(@Nullable String one, List<String> more) {
        List<String> all = new ArrayList<>(more);
        if (one != null && !more.contains(one)) {
            all.add(0, one);
        }
        return String.join("|", all);
    }

    private static @Nullable String blank(String text) {
        return text.isEmpty() ? null : text;
    }
}
