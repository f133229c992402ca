package dev.loupe.cluster;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * Which objects a request is about.
 *
 * @param labels such as {@code a=b,c!=d,e in (f,g),h,!i}
 * @param fields such as {@code status.phase=Running}
 */
record PodSelector(String labels, String fields) {
    static final PodSelector ALL = new PodSelector("", "");

    private static final Pattern TERM = Pattern.compile(
            "(!?)([\\w./-]+)(?:\\s*(==?|!=)\\s*([\\w.-]*)|\\s+(in|notin)\\s*\\(([^)]*)\\))?\\s*(?:,|$)");

    boolean fits(JsonNode object) {
        return fits(labels, object.path("metadata").path("labels"), false) && fits(fields, object, true);
    }

    private static boolean fits(String terms, JsonNode values, boolean paths) {
        Matcher m = TERM.matcher(terms);
        int end = 0;
        while (end < terms.length()) {
            if (!m.find(end) || m.start() != end) {
                throw new IllegalArgumentException("no selector: " + terms);
            }
            end = m.end();
            JsonNode at = paths ? values.at("/" + m.group(2).replace('.', '/')) : values.path(m.group(2));
            if (!fits(m, !at.isMissingNode(), at.asString(""))) {
                return false;
            }
        }
        return true;
    }

    private static boolean fits(Matcher m, boolean there, String value) {
        if (m.group(3) != null) {
            boolean same = there && value.equals(m.group(4));
            return m.group(3).startsWith("!") != same;
        }
        if (m.group(5) != null) {
            boolean among = there && List.of(m.group(6).split("\\s*,\\s*")).contains(value);
            return m.group(5).equals("in") == among;
        }
        return there != m.group(1).equals("!");
    }
}
