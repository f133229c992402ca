package dev.loupe.model.hub;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A model on the hub.
 *
 * @param repository {@code owner/name}
 * @param revision a branch, tag or commit
 */
public record HubId(String repository, String revision) {
    private static final String PART = "[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?";
    private static final Pattern ID =
            Pattern.compile("(" + PART + "/" + PART + ")(?:@([A-Za-z0-9][A-Za-z0-9._/-]{0,199}))?");

    /** The id in a text {@code owner/name} or {@code owner/name@revision}; null if it is none. */
    public static @Nullable HubId parse(String text) {
        Matcher m = ID.matcher(text);
        if (text.length() > 300
                || !m.matches()
                || text.contains("..")
                || m.group(1).contains("--")) {
            return null;
        }
        return new HubId(m.group(1), m.group(2) == null ? "main" : m.group(2));
    }

    /** The name without the owner. */
    public String name() {
        return repository.substring(repository.indexOf('/') + 1);
    }

    @Override
    public String toString() {
        return revision.equals("main") ? repository : repository + "@" + revision;
    }
}
