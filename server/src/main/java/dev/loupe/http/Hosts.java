package dev.loupe.http;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InterfaceAddress;
import java.net.NetworkInterface;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The names that a server answers to. A page elsewhere can make a name of its own resolve to this machine (DNS rebinding);
 * the browser then takes it for this server's own page, and only the Host header tells.
 */
final class Hosts {
    private final Set<String> names = new TreeSet<>(List.of("localhost", "127.0.0.1", "[::1]"));

    /**
     * The names.
     *
     * @param address what the server listens on; if that is every address, all of this machine's and its name are taken
     * @param more other names, as those of a proxy in front of the server
     */
    Hosts(String address, Collection<String> more) {
        add(address);
        more.forEach(this::add);
        if (address.equals("0.0.0.0") || address.equals("::") || address.equals("[::]")) {
            try {
                add(InetAddress.getLocalHost().getHostName());
                for (NetworkInterface i : Collections.list(NetworkInterface.getNetworkInterfaces())) {
                    for (InterfaceAddress a : i.getInterfaceAddresses()) {
                        add(a.getAddress().getHostAddress().replaceFirst("%.*", ""));
                    }
                }
            } catch (IOException ignored) {
                // a machine without a name of its own: the names that were given must do
            }
        }
    }

    private void add(String host) {
        String name = host.strip().toLowerCase(Locale.ROOT);
        if (!name.isEmpty()) {
            names.add(name.contains(":") && !name.startsWith("[") ? "[" + name + "]" : name);
        }
    }

    /** Whether the Host header names this server; without one it names nobody. */
    boolean has(@Nullable String host) {
        return host != null && names.contains(name(host));
    }

    /** The name in a Host header, without the port. */
    private static String name(String host) {
        int colon = host.lastIndexOf(':');
        boolean port =
                colon >= 0 && host.indexOf(']', colon) < 0 && (host.startsWith("[") || host.indexOf(':') == colon);
        return (port ? host.substring(0, colon) : host).toLowerCase(Locale.ROOT);
    }

    @Override
    public String toString() {
        return String.join(", ", names);
    }
}
