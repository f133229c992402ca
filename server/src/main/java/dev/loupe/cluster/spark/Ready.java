package dev.loupe.cluster.spark;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What Spark's driver says once its application is there.
 *
 * @param version of Spark
 * @param page address of its own web page; empty for none
 * @param settings those that Loupe asks about, as they hold: from the command, the site's file and {@code spark-submit}
 */
public record Ready(String version, String page, Map<String, String> settings) {
    /** As the text of a frame. */
    public String text() {
        StringBuilder text = new StringBuilder(version).append('\n').append(page);
        settings.forEach(
                (key, value) -> text.append('\n').append(key).append('=').append(value.replace('\n', ' ')));
        return text.toString();
    }

    /** From the text of a frame. */
    public static Ready of(String text) {
        String[] lines = text.split("\n", -1);
        Map<String, String> settings = new LinkedHashMap<>();
        for (int i = 2; i < lines.length; i++) {
            int at = lines[i].indexOf('=');
            if (at > 0) {
                settings.put(lines[i].substring(0, at), lines[i].substring(at + 1));
            }
        }
        return new Ready(lines[0], lines.length > 1 ? lines[1] : "", settings);
    }
}
