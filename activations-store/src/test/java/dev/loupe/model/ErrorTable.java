package dev.loupe.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** The largest errors by family and kind of tensor, for people: max |difference| as a share of max |reference|. */
final class ErrorTable {
    static final String HOOKS = "hooks";

    private static final Map<String, String> RULES = new LinkedHashMap<>();

    static {
        RULES.put("none", "gradient");
        RULES.put("l", "LN");
        RULES.put("i", "Identity");
        RULES.put("h", "Half");
        RULES.put("a", "AH");
        RULES.put("lih", "RelP");
        RULES.put("liha", "all rules");
    }

    private final Map<String, Map<String, Double>> errors = new TreeMap<>();
    private final Map<String, TreeSet<String>> models = new TreeMap<>();
    private final Map<String, Integer> tensors = new TreeMap<>();

    /** The column of a set of rules. */
    static String column(String letters) {
        return String.valueOf(RULES.get(letters));
    }

    synchronized void add(LanguageModel model, String column, double error) {
        String family = model.config().family();
        errors.computeIfAbsent(family, f -> new TreeMap<>()).merge(column, error, Math::max);
        models.computeIfAbsent(family, f -> new TreeSet<>()).add(model.id());
        tensors.merge(family, 1, Integer::sum);
    }

    @Override
    public synchronized String toString() {
        List<String> columns = new java.util.ArrayList<>(List.of("logits", "loss", HOOKS));
        columns.addAll(RULES.values());
        StringBuilder text = new StringBuilder("| family | models | tensors |");
        columns.forEach(c -> text.append(' ').append(c).append(" |"));
        text.append("\n|---|---:|---:|").append("---:|".repeat(columns.size())).append('\n');
        errors.forEach((family, row) -> {
            text.append("| %s | %d | %d |".formatted(family, models.get(family).size(), tensors.get(family)));
            for (String column : columns) {
                Double error = row.get(column);
                text.append(error == null ? " - |" : String.format(Locale.ROOT, " %.1e |", error));
            }
            text.append('\n');
        });
        return text.toString();
    }
}
