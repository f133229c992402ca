package dev.loupe.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.microsoft.playwright.Page;
import com.microsoft.playwright.WebSocketFrame;
import dev.loupe.http.LoupeServer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server that wants a token, in a browser: the page that asks for it, and that all of a page works behind the cookie. */
class SignInTest {
    private static final String TOKEN = "0123456789-of-this-test";
    private static final String INSPECT = "/inspect?text=The%20Commission%20has%20adopted";

    @TempDir
    Path folder;

    @Test
    void one_token_opens_the_pages_and_what_the_server_pushes_into_them() throws IOException {
        Path tokens = Files.write(folder.resolve("tokens"), List.of(TOKEN));
        LoupeServer.Options options = new LoupeServer.Options("127.0.0.1", 0, tokens);
        try (LoupeServer server = LoupeServer.start(RealWorkspace.get().workbench(), options);
                Tab tab = Tab.open(1280, 900)) {
            String url = "http://127.0.0.1:" + server.port();
            Page page = tab.page();
            List<String> pushed = new CopyOnWriteArrayList<>();
            page.onWebSocket(socket -> {
                if (socket.url().contains("/VAADIN/push")) {
                    socket.onFrameReceived((WebSocketFrame frame) -> pushed.add(String.valueOf(frame.text())));
                }
            });

            page.navigate(url + INSPECT);
            assertThat(page).hasTitle("Loupe: sign in");
            page.getByLabel("Access token").fill("a guess");
            page.locator("button").click();
            assertThat(page.locator("[role=alert]")).hasText("That is not a token of this server.");
            assertThat(tab.wrong()).isNotEmpty().allMatch(said -> said.contains("401"));
            tab.wrong().clear();

            page.getByLabel("Access token").fill(TOKEN);
            page.locator("button").click();
            assertThat(page).hasURL(url + INSPECT);
            // the model runs beside the page: what it said can only have come through the socket
            assertThat(page.locator("loupe-lens tbody tr").first()).isVisible();
            assertThat(pushed).as("frames of the push socket").isNotEmpty();
            assertThat(tab.wrong()).isEmpty();

            page.navigate(url + "/login");
            page.locator("button").click(); // sign out
            page.navigate(url + INSPECT);
            assertThat(page).hasTitle("Loupe: sign in");
            try (HttpClient client = HttpClient.newHttpClient()) {
                assertThatThrownBy(() -> client.newWebSocketBuilder()
                                .buildAsync(
                                        URI.create(url.replace("http", "ws") + "/VAADIN/push?v-r=push"),
                                        new WebSocket.Listener() {})
                                .join())
                        .isInstanceOf(CompletionException.class)
                        .cause()
                        .isInstanceOfSatisfying(
                                WebSocketHandshakeException.class,
                                e -> assertThat(e.getResponse().statusCode()).isEqualTo(401));
            }
        }
    }
}
