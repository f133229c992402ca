package dev.loupe.http;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/** Addresses as requests and proxies write them: alone, with a port behind, in brackets, with a zone. Names are none. */
final class Addresses {
    private Addresses() {}

    /** The address; an IPv4 one that is written as IPv6 becomes itself. Null if the text is none. */
    static @Nullable InetAddress parse(String text) {
        try {
            return InetAddress.ofLiteral(bare(text).replaceFirst("%.*$", ""));
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /** Without a port behind it, and without brackets. */
    static String bare(String text) {
        if (text.startsWith("[")) {
            int end = text.indexOf(']');
            return end < 0 ? text : text.substring(1, end);
        }
        int colon = text.indexOf(':');
        return colon >= 0 && colon == text.lastIndexOf(':') ? text.substring(0, colon) : text;
    }
}
