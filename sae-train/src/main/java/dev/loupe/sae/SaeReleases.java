package dev.loupe.sae;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.model.hub.HubId;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Releases of SAEs whose files can be read, by the names that SAELens gives them: where on the hub each is, and how its ids
 * become folders. Resource {@code releases.tsv}: release, repository, id (a regular expression), path; of several lines of a
 * release the first that fits counts.
 */
public final class SaeReleases {
    private static final String TABLE = "releases.tsv";
    private static final Map<String, List<Rule>> RELEASES = read();

    private record Rule(String repository, Pattern id, String path) {}

    private SaeReleases() {}

    /** The names of all releases, sorted. */
    public static Collection<String> names() {
        return new TreeSet<>(RELEASES.keySet());
    }

    /**
     * The SAE of a text RELEASE/ID; null if it does not begin with a release.
     *
     * @throws NotFoundException if the release has no such id
     */
    static @Nullable HubSae find(String text) {
        int slash = text.indexOf('/');
        List<Rule> rules = RELEASES.get(slash < 0 ? text : text.substring(0, slash));
        if (rules == null) {
            return null;
        }
        String id = slash < 0 ? "" : text.substring(slash + 1);
        for (Rule rule : rules) {
            Matcher m = rule.id.matcher(id);
            if (m.matches()) {
                HubSae there = HubSae.parse(HubSae.PREFIX + rule.repository + "/" + m.replaceFirst(rule.path));
                if (there != null) {
                    return there;
                }
            }
        }
        throw new NotFoundException("The release " + text.substring(0, slash < 0 ? text.length() : slash)
                + " has no SAE \"" + id + "\"; its ids look like "
                + rules.getFirst().id.pattern() + ", see "
                + new HubId(rules.getFirst().repository, "main") + " on the hub.");
    }

    private static Map<String, List<Rule>> read() {
        try (InputStream in = SaeReleases.class.getResourceAsStream(TABLE)) {
            if (in == null) {
                throw new IllegalStateException("The resource " + TABLE + " is missing.");
            }
            Map<String, List<Rule>> releases = new LinkedHashMap<>();
            new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.startsWith("#"))
                    .map(line -> line.split("\t", -1))
                    .forEach(c -> releases.computeIfAbsent(c[0], r -> new ArrayList<>())
                            .add(new Rule(c[1], Pattern.compile(c[2]), c[3])));
            return releases;
        } catch (IOException e) {
            throw new LoupeException("The table of releases cannot be read (" + e.getMessage() + ").", e);
        }
    }
}
