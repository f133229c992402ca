package dev.loupe.base;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;

/**
 * Addresses inside this machine or its network (RFC 6890): what an outside service has no business to lead to, since behind
 * them stand routers, databases and the metadata of clouds.
 */
public final class PrivateAddresses {
    private PrivateAddresses() {}

    /** Finds the addresses of a host. */
    @FunctionalInterface
    public interface Lookup {
        /** All of them. */
        InetAddress[] addresses(String host) throws UnknownHostException;
    }

    /** Whether a host is, or resolves to, a private address; false for one that cannot be resolved. */
    public static boolean leadsTo(String host) {
        try {
            return anyPrivate(InetAddress.getAllByName(host));
        } catch (UnknownHostException e) {
            return false; // whoever asks it hears that itself
        }
    }

    /**
     * Whether a service at one host may lead to another: one on the internet must not lead into this network.
     *
     * @throws UnknownHostException if the other one cannot be resolved
     */
    public static boolean mayLead(String from, String to, Lookup lookup) throws UnknownHostException {
        if (!anyPrivate(lookup.addresses(to))) {
            return true;
        }
        try {
            return anyPrivate(lookup.addresses(from));
        } catch (UnknownHostException e) {
            return false;
        }
    }

    /** One is enough: which of them is asked is not ours to choose. */
    private static boolean anyPrivate(InetAddress[] addresses) {
        for (InetAddress a : addresses) {
            if (isPrivate(a)) {
                return true;
            }
        }
        return false;
    }

    /** Whether an address is private. */
    static boolean isPrivate(InetAddress a) {
        byte[] b = a.getAddress();
        int first = b[0] & 255;
        int second = b[1] & 255;
        boolean shared = b.length == 4
                && (first == 0
                        || first == 100 && second >= 64 && second < 128 // carriers' own
                        || first == 198 && (second == 18 || second == 19) // benchmarks
                        || first >= 240);
        boolean unique = a instanceof Inet6Address && (first & 0xfe) == 0xfc;
        return a.isAnyLocalAddress()
                || a.isLoopbackAddress()
                || a.isLinkLocalAddress()
                || a.isSiteLocalAddress()
                || a.isMulticastAddress()
                || shared
                || unique
                || embedded(a);
    }

    /** An IPv4 address inside an IPv6 one (6to4 and NAT64). */
    private static boolean embedded(InetAddress a) {
        byte[] b = a.getAddress();
        if (b.length != 16) {
            return false;
        }
        int at = b[0] == 0x20 && b[1] == 0x02
                ? 2
                : b[0] == 0 && b[1] == 0x64 && (b[2] & 255) == 0xff && (b[3] & 255) == 0x9b ? 12 : -1;
        try {
            return at >= 0 && isPrivate(InetAddress.getByAddress(new byte[] {b[at], b[at + 1], b[at + 2], b[at + 3]}));
        } catch (UnknownHostException e) {
            return false;
        }
    }
}
