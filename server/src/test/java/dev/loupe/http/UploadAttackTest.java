package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.loupe.base.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bodies that are too long, say that they are short, never end, or start more than a machine can do. */
class UploadAttackTest {
    private static final byte[] CHUNKED_IMPORT =
            "POST /api/graphs/big/import HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                    .getBytes(StandardCharsets.US_ASCII);

    @TempDir
    static Path folder;

    private static Http http;

    @BeforeAll
    static void start() {
        http = new Http(folder.resolve("loupe"), null, "max-jobs", "0");
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    @Test
    void bodiesBeyondTheLimitAreRefused() throws Exception {
        String long_ = "{\"prompt\": \"" + "a".repeat(1_100_000) + "\"}";
        for (String path :
                new String[] {"/v1/completions", "/v1/chat/completions", "/api/steer", "/api/jobs", "/api/patches"}) {
            HttpResponse<String> r = http.post(path, long_);
            assertThat(r.statusCode()).as(path).isEqualTo(413);
            assertThat(r.body()).contains("longer than this server takes");
        }
    }

    /** A body without a length, in pieces: counted as it comes, refused long before it ends. */
    @Test
    void aBodyWithoutEndIsNotReadToItsEnd() throws Exception {
        try (Socket socket = new Socket("127.0.0.1", http.server().port())) {
            socket.setSoTimeout(60_000);
            OutputStream out = socket.getOutputStream();
            out.write("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                    .getBytes(StandardCharsets.US_ASCII));
            byte[] piece = ("10000\r\n" + "a".repeat(0x10000) + "\r\n").getBytes(StandardCharsets.US_ASCII);
            int sent = 0;
            try {
                for (; sent < 4000; sent++) {
                    out.write(piece);
                }
            } catch (IOException e) {
                // closed by the server, as it should be
            }
            assertThat(sent).as("pieces of 64 KiB that the server took").isLessThan(4000);
        }
        assertThat(http.get("/api/health").statusCode()).isEqualTo(200);
    }

    /** As long as it takes, without a length: the server says no where the limit is and keeps nothing. */
    @Test
    void aGraphBeyondItsLimitIsRefused() throws Exception {
        int limit = 128;
        String declared =
                "POST /api/graphs/big/import HTTP/1.1\nHost: localhost\nContent-Length: " + ((limit << 20) + 1);
        assertThat(http.raw(declared)).startsWith("HTTP/1.1 413").contains("larger than 128 MiB", "--import");
        try (Socket socket = new Socket("127.0.0.1", http.server().port())) {
            socket.setSoTimeout(60_000);
            OutputStream out = socket.getOutputStream();
            out.write(CHUNKED_IMPORT);
            byte[] piece = ("100000\r\n" + " ".repeat(1 << 20) + "\r\n").getBytes(StandardCharsets.US_ASCII);
            int sent = 0;
            try {
                for (; sent < 4 * limit; sent++) {
                    out.write(piece);
                }
            } catch (IOException e) {
                // closed by the server, as it should be
            }
            assertThat(sent).as("pieces of a MiB that the server took").isBetween(limit, 2 * limit);
        }
        assertThat(http.get("/api/graphs/big").statusCode()).isEqualTo(404);
    }

    /** A real graph has more than an ordinary request: what is wrong with it is said, not that it is long. */
    @Test
    void aGraphMayBeLongerThanOtherRequests() throws Exception {
        HttpResponse<String> r = http.post("/api/graphs/long/import", "{\"nodes\": \"" + "a".repeat(3_000_000) + "\"}");
        assertThat(r.statusCode()).isEqualTo(400);
        assertThat(r.body()).contains("There is no attribution graph");
    }

    /** Two that come for ever: the third hears so at once, and when they leave there is room again. */
    @Test
    void noMoreGraphsAreReceivedAtOnceThanFit() throws Exception {
        HttpResponse<String> third = importUntil(400);
        for (int i = 0; i < 5 && third.statusCode() != 503; i++) { // again where a slow machine let them time out
            try (Socket one = new Socket("127.0.0.1", http.server().port());
                    Socket two = new Socket("127.0.0.1", http.server().port())) {
                for (Socket s : new Socket[] {one, two}) {
                    s.getOutputStream().write(CHUNKED_IMPORT);
                    s.getOutputStream().write("1\r\n[\r\n".getBytes(StandardCharsets.US_ASCII));
                    s.getOutputStream().flush();
                }
                third = importUntil(503);
            }
        }
        assertThat(third.statusCode()).isEqualTo(503);
        assertThat(third.headers().firstValue("Retry-After")).hasValue("5");
        assertThat(third.body()).contains("being received already");
        assertThat(importUntil(400).statusCode()).isEqualTo(400);
    }

    private static HttpResponse<String> importUntil(int status) throws Exception {
        HttpResponse<String> r = http.post("/api/graphs/third/import", "{}");
        for (int i = 0; i < 200 && r.statusCode() != status; i++) {
            Thread.sleep(50);
            r = http.post("/api/graphs/third/import", "{}");
        }
        return r;
    }

    @Test
    void aServerStartsNoMoreJobsThanItIsTold() throws Exception {
        HttpResponse<String> r = http.post(
                "/api/jobs",
                "{\"kind\": \"capture\", \"request\": {\"name\": \"x\", \"model\": \"builtin\", \"text\": \"builtin:europarl\","
                        + " \"hooks\": [\"blocks.2.hook_resid_post\"], \"tokens\": 100}}");
        assertThat(r.statusCode()).as(r.body()).isEqualTo(409);
        assertThat(r.body()).contains("max-jobs");
        assertThat(Json.MAPPER.readTree(http.get("/api/jobs").body()).path("jobs"))
                .isEmpty();
        try (var jobs = Files.list(Files.createDirectories(folder.resolve("loupe/jobs")))) {
            assertThat(jobs).isEmpty();
        }
    }

    @Test
    void aShortBodyThatIsDeepTakesNoTime() throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        assertThat(threads.isThreadAllocatedMemoryEnabled()).isTrue();
        for (String body :
                new String[] {"[".repeat(500_000), "{\"a\":".repeat(180_000), "{\"messages\": " + "[".repeat(900_000)
                }) {
            for (String path : new String[] {"/v1/chat/completions", "/api/steer", "/api/jobs"}) {
                assertThat(http.post(path, body).statusCode()).isEqualTo(400);
            }
        }
    }
}
