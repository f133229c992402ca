package dev.loupe.http;

import dev.loupe.base.Progress;
import io.javalin.http.Context;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.io.EndPoint;

/**
 * Whoever sent a request that takes long to answer, and whether they still wait. A server hears that a connection was closed
 * only where it reads from it, and nobody reads while an answer is worked out; so this looks now and then. A client that
 * closes only its own side counts as gone: it cannot be told from one that left.
 *
 * <p>Reading takes away a byte of a request that was sent before this one is answered (HTTP pipelining); the connection is
 * then closed after the answer, and such a client asks again (RFC 9112, section 9.3.2).
 */
final class Caller {
    private static final long PAUSE_NS = 20_000_000;

    private final EndPoint connection;
    private final Context ctx;
    private long looked;
    private boolean gone;
    private boolean ahead;

    Caller(Context ctx) {
        this.ctx = ctx;
        this.connection = ServletContextRequest.getServletContextRequest(ctx.req())
                .getConnectionMetaData()
                .getConnection()
                .getEndPoint();
    }

    /** Whether nobody waits any more. */
    synchronized boolean gone() {
        long now = System.nanoTime();
        if (gone || ahead || (looked != 0 && now - looked < PAUSE_NS)) {
            return gone;
        }
        looked = now;
        try {
            int n = connection.fill(ByteBuffer.allocate(1).flip());
            gone = n < 0;
            if (n > 0) {
                ahead = true;
                ctx.header("Connection", "close");
            }
        } catch (IOException e) {
            gone = true;
        }
        return gone;
    }

    /** Work that stops when nobody waits for it. */
    Progress progress() {
        return Progress.until(this::gone);
    }
}
