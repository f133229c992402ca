package dev.loupe.model.hub;

import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The web proxy of the environment variables that Python and curl read; the JDK knows only its own properties. */
public final class Proxies {
    private Proxies() {}

    /** The proxy of {@code HTTPS_PROXY} (or {@code ALL_PROXY}); null for the JDK's own choice. */
    public static @Nullable ProxySelector of(Map<String, String> environment) {
        for (String name : new String[] {"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"}) {
            String text = environment.getOrDefault(name, "").strip();
            if (!text.isEmpty()) {
                URI uri = URI.create(text.contains("://") ? text : "http://" + text);
                if (uri.getHost() != null && "http".equals(uri.getScheme())) {
                    String no = environment.getOrDefault("NO_PROXY", environment.getOrDefault("no_proxy", ""));
                    return new Except(new InetSocketAddress(uri.getHost(), uri.getPort() < 0 ? 80 : uri.getPort()), no);
                }
            }
        }
        return null;
    }

    /** One proxy for all but some hosts. */
    private static final class Except extends ProxySelector {
        private final ProxySelector proxy;
        private final String[] direct;

        Except(InetSocketAddress address, String direct) {
            this.proxy = ProxySelector.of(address);
            this.direct = direct.split("[,\\s]+");
        }

        @Override
        public java.util.List<java.net.Proxy> select(URI uri) {
            String host = String.valueOf(uri.getHost());
            for (String name : direct) {
                String suffix = name.startsWith("*") ? name.substring(1) : name;
                boolean same = !suffix.isEmpty()
                        && (host.equals(suffix) || host.endsWith(suffix.startsWith(".") ? suffix : "." + suffix));
                if (same || name.equals("*")) {
                    return java.util.List.of(java.net.Proxy.NO_PROXY);
                }
            }
            if (host.equals("localhost") || host.startsWith("127.")) {
                return java.util.List.of(java.net.Proxy.NO_PROXY);
            }
            return proxy.select(uri);
        }

        @Override
        public void connectFailed(URI uri, java.net.SocketAddress address, java.io.IOException e) {
            proxy.connectFailed(uri, address, e);
        }
    }
}
