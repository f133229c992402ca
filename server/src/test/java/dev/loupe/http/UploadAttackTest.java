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
