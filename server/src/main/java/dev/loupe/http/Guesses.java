package dev.loupe.http;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How often tokens may be guessed: by each network of one customer, and by all together. A guess is taken before it is looked
 * at, so that many at once are not more than one after another, and given back if it was right.
 */
final class Guesses {
    /** Wrong tokens a minute from one network: more than a person mistypes, far fewer than guessing needs. */
    static final int EACH = 30;

    /** Wrong tokens a minute from everywhere: whoever has many networks gains nothing by the next one. */
    static final int ALL = 1000;

    private static final int MOST_KNOWN = 10_000;

    private final RateLimit each = new RateLimit(EACH);
    private final RateLimit all = new RateLimit(ALL);
    /** Networks that a right token came from: guesses elsewhere do not keep them out. */
    private final Map<String, Boolean> known = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
            return size() > MOST_KNOWN;
        }
    };

    /**
     * Takes a guess.
     *
     * @param now the time in nanoseconds
     * @return 0 if the token may be looked at, else seconds after which one may
     */
    synchronized long take(String address, long now) {
        String network = network(address);
        long wait = each.wait(network, now);
        if (wait > 0 || known.get(network) != null) {
            return wait;
        }
        wait = all.wait("all", now);
        if (wait > 0) {
            each.giveBack(network);
        }
        return wait;
    }

    /** The token was right: it was no guess. */
    synchronized void right(String address) {
        String network = network(address);
        each.giveBack(network);
        if (known.put(network, true) == null) {
            all.giveBack("all");
        }
    }

    /** What one customer has of the internet: an IPv4 address, or the first 64 bits of an IPv6 one. */
    static String network(String address) {
        if (address.indexOf(':') < 0) {
            return address;
        }
        InetAddress parsed = Addresses.parse(address);
        if (parsed == null) {
            return address;
        }
        return parsed instanceof Inet6Address
                ? HexFormat.of().formatHex(Arrays.copyOf(parsed.getAddress(), 8))
                : parsed.getHostAddress();
    }
}
