package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.UsageException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.server.ConnectionMetaData;
import org.eclipse.jetty.server.Request;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Where a request came from, behind none, one and several proxies, some of whose clients lie. */
class ProxiesTest {
    private static final Proxies NONE = new Proxies(List.of());
    private static final Proxies TRUSTED = new Proxies(List.of("127.0.0.1", "10.0.0.0/8", "fd00::/8", "192.0.2.64/26"));

    @TempDir
    Path folder;

    /** What the proxies make of a request from this address with these lines of X-Forwarded-For. */
    private static String client(Proxies proxies, String peer, String... lines) {
        HttpFields.Mutable headers = HttpFields.build();
        Arrays.stream(lines).forEach(line -> headers.add("X-Forwarded-For", line));
        ConnectionMetaData connection = (ConnectionMetaData) java.lang.reflect.Proxy.newProxyInstance(
                ProxiesTest.class.getClassLoader(),
                new Class<?>[] {ConnectionMetaData.class},
                (self, method, arguments) ->
                        method.getName().equals("getRemoteSocketAddress") ? new InetSocketAddress(peer, 4711) : null);
        return proxies.client((Request) java.lang.reflect.Proxy.newProxyInstance(
                ProxiesTest.class.getClassLoader(),
                new Class<?>[] {Request.class},
                (self, method, arguments) -> switch (method.getName()) {
                    case "getHeaders" -> headers;
                    case "getConnectionMetaData" -> connection;
                    default -> throw new AssertionError(method);
                }));
    }

    @ParameterizedTest
    @CsvSource({
        "198.51.100.1, '203.0.113.9', 198.51.100.1", // no proxy of ours: what it says is its own affair
        "127.0.0.1, '', 127.0.0.1", // the proxy itself, or somebody on this machine
        "127.0.0.1, '203.0.113.9', 203.0.113.9",
        "127.0.0.1, '203.0.113.9:4711', 203.0.113.9", // some write the port, too
        "127.0.0.1, '[2001:db8::7]:4711', 2001:db8::7",
        "127.0.0.1, '2001:db8::7', 2001:db8::7",
        "127.0.0.1, '203.0.113.9, 10.1.2.3', 203.0.113.9", // two proxies in a row
        "10.200.0.1, '203.0.113.9, fd12::1, 10.1.2.3', 203.0.113.9",
        "10.200.0.1, '10.1.2.3', 10.1.2.3", // all of them ours
        "127.0.0.1, 'unknown', 127.0.0.1", // RFC 7239 lets a proxy hide its clients
        "192.0.2.64, '203.0.113.9', 203.0.113.9",
        "192.0.2.127, '203.0.113.9', 203.0.113.9",
        "192.0.2.63, '203.0.113.9', 192.0.2.63",
        "192.0.2.128, '203.0.113.9', 192.0.2.128",
        "11.0.0.1, '203.0.113.9', 11.0.0.1",
    })
    void theNearestAddressThatIsNoProxyIsTheClient(String peer, String line, String client) {
        assertThat(client(TRUSTED, peer, line)).isEqualTo(client);
        assertThat(client(NONE, peer, line)).isEqualTo(peer);
    }

    @ParameterizedTest
    @ValueSource(strings = {"1.1.1.1", "127.0.0.1", "10.1.1.1, 127.0.0.1", "unknown", "[", "1.1.1.1:x", ",,,", "a, b"})
    void whatAClientMadeUpIsNeverItsAddress(String made) {
        assertThat(client(TRUSTED, "127.0.0.1", made + ", 203.0.113.9")).isEqualTo("203.0.113.9");
        assertThat(client(TRUSTED, "127.0.0.1", made, "203.0.113.9"))
                .as("a line of its own")
                .isEqualTo("203.0.113.9");
        assertThat(client(TRUSTED, "203.0.113.9", made)).as("without the proxy").isEqualTo("203.0.113.9");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"proxy.example.org", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/x", "fd00::/129", "10.0.0/8x", "*"})
    void whatIsNoAddressAndNoNetworkIsNamed(String entry) {
        assertThatThrownBy(() -> new Proxies(List.of("127.0.0.1", entry)))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("trusted-proxies has \"" + entry + "\"");
    }

    /** Who guesses tokens through a proxy uses up their own guesses, not those of the next client behind it. */
    @Test
    void clientsOfOneProxyGuessEachForThemselves() throws Exception {
        Path tokens = Files.write(folder.resolve("tokens"), List.of("the-right-one"));
        try (Http http = Http.behind(folder.resolve("workspace"), tokens, "127.0.0.1")) {
            for (int i = 0; i < Guesses.EACH; i++) {
                assertThat(status(http, "1.1.1." + i + ", 203.0.113.9")).isEqualTo(401);
            }
            assertThat(status(http, "1.1.1.99, 203.0.113.9")).isEqualTo(429);
            assertThat(status(http, "203.0.113.10")).isEqualTo(401);
        }
    }

    private static int status(Http http, String forwarded) throws Exception {
        return http.get("/api/models", "Authorization", "Bearer wrong", "X-Forwarded-For", forwarded)
                .statusCode();
    }
}
