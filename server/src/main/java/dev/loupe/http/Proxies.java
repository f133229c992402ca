package dev.loupe.http;

import dev.loupe.base.UsageException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;

/**
 * The proxies in front of this server whose word on where a request came from is taken. Each appends the address that it was
 * called from to {@code X-Forwarded-For}, so that header is read from its end: what the first address that is no such proxy
 * wrote further in front may be anybody's invention.
 */
final class Proxies {
    private final List<Network> networks = new ArrayList<>();

    /** All addresses that begin with the same bits. */
    private record Network(byte[] address, int bits) {
        boolean has(byte[] other) {
            if (other.length != address.length) {
                return false;
            }
            for (int i = 0; i < bits; i++) {
                int mask = 0x80 >> (i & 7);
                if ((address[i >> 3] & mask) != (other[i >> 3] & mask)) {
                    return false;
                }
            }
            return true;
        }
    }

    /**
     * The proxies.
     *
     * @param given addresses (10.0.0.7) and networks (10.0.0.0/8, fd00::/8)
     * @throws UsageException naming an entry that is neither
     */
    Proxies(List<String> given) {
        given.forEach(entry -> networks.add(network(entry)));
    }

    private static Network network(String entry) {
        String[] parts = entry.split("/", 2);
        InetAddress parsed = parts[0].equals(Addresses.bare(parts[0])) ? Addresses.parse(parts[0]) : null;
        if (parsed != null) {
            byte[] address = parsed.getAddress();
            int most = 8 * address.length;
            try {
                int bits = parts.length == 1 ? most : Integer.parseInt(parts[1]);
                if (bits >= 0 && bits <= most) {
                    return new Network(address, bits);
                }
            } catch (NumberFormatException ignored) {
                // named below
            }
        }
        throw new UsageException("trusted-proxies has \"" + entry
                + "\", which is no address (10.0.0.7) and no network (10.0.0.0/8, fd00::/8); names are not looked up.");
    }

    /** Where a request came from: the nearest address that is none of these proxies. */
    String client(Request request) {
        String client = Request.getRemoteAddr(request);
        if (networks.isEmpty() || !has(client)) {
            return client;
        }
        List<String> steps = request.getHeaders().getCSV(HttpHeader.X_FORWARDED_FOR, false);
        for (int i = steps.size() - 1; i >= 0; i--) {
            String step = Addresses.bare(steps.get(i));
            if (Addresses.parse(step) == null) {
                return client; // a proxy that does not tell: it answers for its clients itself
            }
            client = step;
            if (!has(client)) {
                return client;
            }
        }
        return client;
    }

    private boolean has(String text) {
        InetAddress address = Addresses.parse(text);
        return address != null && networks.stream().anyMatch(n -> n.has(address.getAddress()));
    }
}
