package dev.loupe.http;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Who may use a server: the tokens of its token file, one a line. A token is exchanged for a cookie that says until when it is
 * good and is signed with the token: it outlives a restart, and ends with its token. Comparisons look at every token and at
 * every byte, so that their time tells nothing.
 */
final class AccessTokens {
    /** How long a cookie is good, in seconds: 30 days. */
    static final long COOKIE_SECONDS = 30L * 24 * 60 * 60;

    private static final int MOST_BYTES = 1 << 16;
    private static final String ALGORITHM = "HmacSHA256";

    private final byte[] salt = new byte[32];
    private final List<byte[]> keys = new ArrayList<>();
    private final List<byte[]> salted = new ArrayList<>();

    /** Tokens, in the order in which they are numbered. */
    AccessTokens(List<String> tokens) {
        new SecureRandom().nextBytes(salt);
        for (String t : tokens) {
            byte[] key = t.getBytes(StandardCharsets.UTF_8);
            keys.add(key);
            salted.add(mac(salt, key));
        }
    }

    /**
     * What a token file holds.
     *
     * @throws UsageException if it cannot be read or is too large, in one sentence
     */
    static byte[] bytes(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(MOST_BYTES + 1);
            if (bytes.length > MOST_BYTES) {
                throw new UsageException("The token file " + file + " is larger than " + MOST_BYTES
                        + " bytes; it must hold one token a line.");
            }
            return bytes;
        } catch (IOException e) {
            throw new UsageException("The token file " + file + " cannot be read (" + e.getMessage() + ").");
        }
    }

    /**
     * The tokens of a token file: a token a line, lines that begin with # left out.
     *
     * @param file its name, for messages
     * @throws UsageException if it holds no token, or something else, in one sentence
     */
    static AccessTokens of(Path file, byte[] bytes) {
        List<String> tokens = new ArrayList<>();
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            text.lines()
                    .map(String::strip)
                    .filter(line -> !line.isEmpty() && !line.startsWith("#"))
                    .forEach(tokens::add);
        } catch (CharacterCodingException e) {
            throw new UsageException("The token file " + file + " is no text.");
        }
        for (String t : tokens) {
            if (!t.matches("[\\x21-\\x7e&&[^;,\"\\\\]]{8,512}")) {
                throw new UsageException("The token file " + file
                        + " must hold one word of 8 to 512 letters, digits or signs (no ; , \" or \\) a line.");
            }
        }
        if (tokens.isEmpty()) {
            throw new UsageException("The token file " + file + " holds no token; put one word of 8 to 512 letters,"
                    + " digits or signs into it.");
        }
        return new AccessTokens(tokens);
    }

    /** The number of the token that is offered; -1 if it is none. */
    int number(@Nullable String offered) {
        if (offered == null) {
            return -1;
        }
        byte[] mine = mac(salt, offered.getBytes(StandardCharsets.UTF_8));
        int found = -1;
        for (int i = 0; i < salted.size(); i++) {
            found = MessageDigest.isEqual(salted.get(i), mine) ? i : found;
        }
        return found;
    }

    /** A name for a token, the same whatever else is in the file, that tells nothing of it. */
    String client(int number) {
        byte[] name = mac(keys.get(number), "loupe client".getBytes(StandardCharsets.UTF_8));
        return Base64.getEncoder().encodeToString(name);
    }

    /** A cookie for a token, good from a time on (seconds since 1970). */
    String cookie(int number, long now) {
        String until = Long.toString(now + COOKIE_SECONDS);
        return until + "." + signature(number, until);
    }

    /** The number of the token that a cookie was given for; -1 if it is none of ours, or its time is over. */
    int numberOfCookie(@Nullable String cookie, long now) {
        int dot = cookie == null ? -1 : cookie.indexOf('.');
        if (cookie == null || dot < 1 || dot > 15 || !cookie.substring(0, dot).matches("\\d+")) {
            return -1;
        }
        String until = cookie.substring(0, dot);
        byte[] offered = cookie.substring(dot + 1).getBytes(StandardCharsets.UTF_8);
        int found = -1;
        for (int i = 0; i < keys.size(); i++) {
            byte[] right = signature(i, until).getBytes(StandardCharsets.UTF_8);
            found = MessageDigest.isEqual(right, offered) ? i : found;
        }
        long ends = Long.parseLong(until);
        return ends > now && ends <= now + COOKIE_SECONDS ? found : -1;
    }

    private String signature(int number, String until) {
        byte[] text = ("loupe login until " + until).getBytes(StandardCharsets.UTF_8);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(mac(keys.get(number), text));
    }

    private static byte[] mac(byte[] key, byte[] text) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(key, ALGORITHM));
            return mac.doFinal(text);
        } catch (GeneralSecurityException e) {
            throw new LoupeException("This Java has no " + ALGORITHM + ".", e);
        }
    }
}
