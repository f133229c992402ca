package dev.loupe.http;

import dev.loupe.base.Checksums;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import java.io.ByteArrayInputStream;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;

/** Entity tags of answers (RFC 9110, section 8.8.3): who has the present answer already gets 304 and no body. */
final class Etags {
    private static final int BYTES = 12;

    private Etags() {}

    /** Gives a finished answer to GET or HEAD its tag; streams have none. */
    static void mark(Context ctx) {
        boolean read = ctx.method() == HandlerType.GET || ctx.method() == HandlerType.HEAD;
        if (!read
                || ctx.statusCode() != 200
                || ctx.res().getHeader("ETag") != null
                || !(ctx.resultInputStream() instanceof ByteArrayInputStream body)) {
            return;
        }
        String tag = '"' + HexFormat.of().formatHex(Arrays.copyOf(digest(body), BYTES)) + '"';
        ctx.header("ETag", tag);
        String known = ctx.header("If-None-Match");
        if (known != null && has(known, tag)) {
            ctx.status(304);
            ctx.result("");
        }
    }

    private static byte[] digest(ByteArrayInputStream body) {
        MessageDigest digest = Checksums.sha256();
        byte[] part = new byte[8192];
        for (int n; (n = body.read(part, 0, part.length)) > 0; ) {
            digest.update(part, 0, n);
        }
        body.reset(); // to its beginning: nobody else has marked it
        return digest.digest();
    }

    /** Whether a list of tags holds one; weak ones count as well (section 13.1.2). */
    static boolean has(String list, String tag) {
        return list.strip().equals("*")
                || Arrays.stream(list.split(","))
                        .map(t -> t.strip().replaceFirst("^W/", ""))
                        .anyMatch(tag::equals);
    }
}
