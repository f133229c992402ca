package dev.loupe.model.hub;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A repository on the hub.
 *
 * @param repository {@code owner/name}
 * @param revision a branch, tag or commit
 * @param kind what it holds
 */
public record HubId(String repository, String revision, Kind kind) {
    /** What a repository holds; SAEs lie among the models. */
    public enum Kind {
        /** A language model. */
        MODEL("model", "models", ""),
        /** SAEs. */
        SAE("repository of SAEs", "models", ""),
        /** Texts. */
        DATASET("dataset", "datasets", "datasets/");

        final String word;
        final String plural;
        final String before;

        Kind(String word, String plural, String before) {
            this.word = word;
            this.plural = plural;
            this.before = before;
        }
    }

    /** A model. */
    public HubId(String repository, String revision) {
        this(repository, revision, Kind.MODEL);
    }

    /** The same repository as one of another kind. */
    public HubId as(Kind other) {
        return new HubId(repository, revision, other);
    }

    /** The name of its folder in the cache. */
    public String folder() {
        return kind.plural + "--" + repository.replace("/", "--");
    }

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
