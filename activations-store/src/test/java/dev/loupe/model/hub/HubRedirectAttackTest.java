package dev.loupe.model.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.loupe.base.LoupeException;
import dev.loupe.base.PrivateAddresses;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.FakeHub;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A hub on the internet that says "the file is over there", where there is something of this machine or its network. */
class HubRedirectAttackTest {
    private static final HubId ID = new HubId("owner/tiny-model", "main");

    @TempDir
    Path home;

    private final AtomicInteger asked = new AtomicInteger();
    private FakeHub hub;
    private HttpServer inside;

    @BeforeEach
    void start() throws IOException {
        hub = new FakeHub();
        hub.files.put("config.json", "{\"a\": 1}".getBytes(StandardCharsets.UTF_8));
        hub.files.put("tokenizer.json", "{}".getBytes(StandardCharsets.UTF_8));
        hub.files.put("model.safetensors", new byte[1000]);
        inside = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        inside.createContext("/", x -> {
            asked.incrementAndGet();
            x.sendResponseHeaders(200, -1);
            x.close();
        });
        inside.start();
    }

    @AfterEach
    void stop() {
        hub.close();
        inside.stop(0);
    }

    /** The hub counts as one on the internet, whatever this machine calls it; all others are where they are. */
    private static InetAddress[] lookup(String host) throws UnknownHostException {
        return host.equals("127.0.0.1")
                ? new InetAddress[] {InetAddress.ofLiteral("93.184.216.34")}
                : InetAddress.getAllByName(host);
    }

    private Path fetch(PrivateAddresses.Lookup lookup) {
        Map<String, String> environment =
                Map.of("HF_HOME", home.resolve("hf").toString(), "HF_ENDPOINT", hub.endpoint(), "HF_TOKEN", "secret");
        return new Hub(HubSettings.of(environment, home), Duration.ofMillis(1), lookup).fetch(ID, Progress.silent());
    }

    @Test
    void aServiceOfThisMachineIsNotAsked() {
        hub.leadsTo = "http://localhost:" + inside.getAddress().getPort() + "/latest/meta-data/";
        assertThatThrownBy(() -> fetch(HubRedirectAttackTest::lookup))
                .isInstanceOf(LoupeException.class)
                .hasMessage("The answer of 127.0.0.1 leads to localhost, an address inside this machine or its network,"
                        + " which is not followed.");
        assertThat(asked).hasValue(0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://169.254.169.254/latest/meta-data/",
                "http://[fd00:ec2::254]/",
                "http://[::ffff:169.254.169.254]/",
                "http://2852039166/",
                "http://192.168.0.1:8080/",
                "http://10.0.0.1@10.0.0.2/"
            })
    void anAddressOfANetworkIsNotAsked(String location) {
        hub.leadsTo = location;
        assertThatThrownBy(() -> fetch(HubRedirectAttackTest::lookup))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("which is not followed");
    }

    /** A name that nobody knows when it is looked at, and that leads here a moment later. */
    @Test
    void aNameThatIsUnknownIsNotAskedInTheHopeThatItIsKnown() {
        hub.leadsTo = "http://localhost:" + inside.getAddress().getPort() + "/";
        assertThatThrownBy(() -> fetch(host -> {
                    if (host.equals("localhost")) {
                        throw new UnknownHostException(host);
                    }
                    return lookup(host);
                }))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("localhost");
        assertThat(asked).hasValue(0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"ftp://example.org/x", "file:///etc/passwd", "http://", "http:///x", "http://a b/", "jar:x"})
    void whatIsNoWebAddressIsNotFollowed(String location) {
        hub.leadsTo = location;
        assertThatThrownBy(() -> fetch(HubRedirectAttackTest::lookup))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("leads to");
    }
}
