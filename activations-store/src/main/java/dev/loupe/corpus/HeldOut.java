package dev.loupe.corpus;

import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Which documents are held out: no training sees them, every reported figure comes from them. A document is known by
 * {@link #hash} of its text, so the decision depends neither on order nor on the other documents.
 */
public final class HeldOut {
    private static final Pattern HASH = Pattern.compile("[0-9a-f]{16}");

    private final String description;
    private final Predicate<String> byHash;

    private HeldOut(String description, Predicate<String> byHash) {
        this.description = description;
        this.byHash = byHash;
    }

    /** Holds out nothing. */
    public static HeldOut none() {
        return new HeldOut("none", hash -> false);
    }

    /**
     * Holds out about this share of all documents: those whose hash, read as a fraction of 2^64, is below it.
     *
     * @throws UsageException if the share is not in [0, 1)
     */
    public static HeldOut share(double share) {
        if (!(share >= 0 && share < 1)) {
            throw new UsageException(
                    "The held-out share must be at least 0 and below 1, such as 0.01; it is " + share + ".");
        }
        double limit = share * 0x1p64;
        return new HeldOut("share " + share + " by hash of the text", hash -> unsigned(hash) < limit);
    }

    /** Holds out the documents with these hashes (as {@link #hash} writes them). */
    public static HeldOut ofHashes(Collection<String> hashes) {
        Set<String> set = new HashSet<>();
        for (String hash : hashes) {
            String h = hash.strip().toLowerCase(Locale.ROOT);
            if (!HASH.matcher(h).matches()) {
                throw new LoupeException("A held-out list has the line \"" + abbreviate(hash)
                        + "\", which is not 16 hexadecimal digits (the first of the SHA-256 of a document's text).");
            }
            set.add(h);
        }
        return new HeldOut("list of " + set.size() + " documents", set::contains);
    }

    /** Holds out the documents whose hashes stand in a file, one a line. */
    public static HeldOut ofFile(Path file) {
        try {
            return ofHashes(Files.readAllLines(file).stream()
                    .filter(line -> !line.isBlank())
                    .toList());
        } catch (IOException e) {
            throw new LoupeException(
                    "The held-out list " + file
                            + " cannot be read; give a file with one hash a line, or a share such as 0.01.",
                    e);
        }
    }

    /** Understands what {@code --held-out} takes: a share (a number) or a file. */
    public static HeldOut parse(String shareOrFile) {
        double share;
        try {
            share = Double.parseDouble(shareOrFile);
        } catch (NumberFormatException e) {
            return ofFile(Path.of(shareOrFile));
        }
        return share(share);
    }

    /** Whether the document with this text is held out. */
    public boolean test(String text) {
        return byHash.test(hash(text));
    }

    /** Whether a document is held out; one of token ids is known by them, as decimal numbers with blanks between. */
    public boolean test(Document document) {
        return test(
                document.content() instanceof Document.Content.Ids ids
                        ? Arrays.stream(ids.tokens())
                                .mapToObj(Integer::toString)
                                .collect(Collectors.joining(" "))
                        : document.text());
    }

    /** One line for people and manifests: the rule. */
    public String describe() {
        return description;
    }

    /**
     * The name of a text: the first 16 hexadecimal digits of the SHA-256 of its UTF-8 bytes, after white space is
     * collapsed and outer blanks, commas and full stops are stripped.
     */
    public static String hash(String text) {
        return Checksums.sha256(TextRules.normalise(text).getBytes(StandardCharsets.UTF_8))
                .substring(0, 16);
    }

    private static double unsigned(String hash) {
        long bits = Long.parseUnsignedLong(hash, 16);
        return (bits >>> 1) * 2.0 + (bits & 1);
    }

    private static String abbreviate(String line) {
        return line.length() <= 40 ? line : line.substring(0, 40) + "…";
    }
}
