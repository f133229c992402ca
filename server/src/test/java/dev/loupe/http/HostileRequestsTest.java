package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.core.AppenderBase;
import dev.loupe.base.Json;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.fixtures.Cases;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;

/**
 * Requests of every kind that our own OpenAPI document describes, and of none. Whatever is asked, the server answers in time,
 * with no status of 500, errors in their format, and goes on.
 *
 * <p>800 in the normal run, 120,000 with {@code ./loupe test -Pnightly -pl server -am -Dtest=HostileRequestsTest
 * -Dsurefire.failIfNoSpecifiedTests=false}.
 */
class HostileRequestsTest {
    private static final int CASES = Integer.getInteger("loupe.fuzz.requests", 800);
    /** Long searches ask several things at once. */
    private static final int AT_ONCE = CASES > 10_000 ? 4 : 1;

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    static Path folder;

    private static Http http;
    private static HttpClient client;

    /** What the server wrote to its log about the last failure that it did not expect. */
    private static final Map<String, String> LAST = new ConcurrentHashMap<>();

    private final Map<String, Integer> answers = new ConcurrentSkipListMap<>();
    private final Map<String, Double> seconds = new ConcurrentHashMap<>();
    private final List<String> wrong = Collections.synchronizedList(new ArrayList<>());

    @BeforeAll
    static void start() throws IOException {
        http = new Http(HostileRequests.copy(SmallWorkspace.folder(), folder.resolve("loupe")), null, "max-jobs", "0");
        AppenderBase<ILoggingEvent> log = new AppenderBase<>() {
            @Override
            protected void append(ILoggingEvent event) {
                StringBuilder text = new StringBuilder();
                for (IThrowableProxy t = event.getThrowableProxy(); t != null; t = t.getCause()) {
                    text.append(t.getClassName())
                            .append(": ")
                            .append(t.getMessage())
                            .append(" at ");
                    Arrays.stream(t.getStackTraceElementProxyArray())
                            .map(f -> f.getStackTraceElement().toString())
                            .filter(f -> f.contains("dev.loupe"))
                            .limit(4)
                            .forEach(f -> text.append(f).append("; "));
                }
                LAST.put("error", text.toString());
            }
        };
        log.start();
        ((Logger) LoggerFactory.getLogger(Problem.class)).addAppender(log);
        client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
    }

    @AfterAll
    static void stop() {
        client.close();
        http.close();
    }

    @Test
    void everyRouteAnswersWhateverItIsAsked() throws Exception {
        JsonNode document = Json.MAPPER.readTree(http.get("/api/openapi.json").body());
        HostileRequests requests = new HostileRequests(document);
        Map<String, Integer> routes = new TreeMap<>();
        Semaphore room = new Semaphore(AT_ONCE);
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Cases.checkSame(CASES, random -> {
                HostileRequests.Request r = requests.next(random);
                routes.merge(r.route(), 1, Integer::sum);
                room.acquire();
                threads.submit(() -> {
                    try {
                        send(r);
                    } catch (Throwable e) { // nobody asks the future
                        wrong.add(r + " -> " + e);
                    } finally {
                        room.release();
                    }
                    return r;
                });
                if (random.index() % 5000 == 4999) {
                    System.out.println(random.index() + 1 + " requests: " + answers);
                }
            });
        }
        seconds.entrySet().stream()
                .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
                .limit(8)
                .forEach(e -> System.out.printf("%.1f s in all: %s%n", e.getValue(), e.getKey()));
        System.out.println(CASES + " hostile requests to " + routes.size() + " routes: " + answers);
        assertThat(wrong).isEmpty();
        if (CASES >= 800 && System.getProperty("seed", "").isEmpty()) {
            assertThat(routes.size()).isGreaterThan(60);
            assertThat(answers).containsKeys("200", "400", "404");
        }
        assertThat(http.get("/api/health").statusCode()).isEqualTo(200);
    }

    private void send(HostileRequests.Request r) throws InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + http.server().port() + r.path()))
                .timeout(PATIENCE)
                .method(
                        r.method(),
                        r.body() == null
                                ? HttpRequest.BodyPublishers.noBody()
                                : HttpRequest.BodyPublishers.ofByteArray(r.body()));
        r.headers().forEach(request::header);
        long start = System.nanoTime();
        try {
            judge(r, answer(request.build()));
        } catch (IOException e) {
            wrong.add(r + " -> " + e);
        }
        double took = (System.nanoTime() - start) / 1e9;
        seconds.merge(r.method() + " " + r.route(), took, Double::sum);
        if (took > 5) {
            System.out.printf("%.1f s: %s%n", took, r);
        }
    }

    /** Once more if the connection was closed: after a refusal the server may close one that the client takes for open. */
    private static HttpResponse<byte[]> answer(HttpRequest request) throws IOException, InterruptedException {
        try {
            return client.send(request, HttpResponse.BodyHandlers.ofByteArray());
        } catch (HttpTimeoutException e) {
            throw e;
        } catch (IOException e) {
            return client.send(request, HttpResponse.BodyHandlers.ofByteArray());
        }
    }

    private void judge(HostileRequests.Request r, HttpResponse<byte[]> answer) {
        int status = answer.statusCode();
        answers.merge(Integer.toString(status), 1, Integer::sum);
        String type = answer.headers().firstValue("content-type").orElse("");
        boolean failed = status >= 400;
        String text = new String(answer.body(), StandardCharsets.UTF_8);
        boolean unread = text.contains("/badMessage"); // refused before anybody looked where it wants to go
        boolean outside = r.path().contains("/..") && type.startsWith("text/plain"); // of pages, which are not here
        boolean expected = outside
                || (r.path().startsWith("/v1") && !unread
                        ? type.startsWith("application/json")
                        : type.startsWith(Problem.MEDIA_TYPE));
        if (status >= 500 && status != 503 || status < 200) {
            wrong.add(r + " -> " + status + " " + text + " " + LAST.getOrDefault("error", ""));
        } else if (failed && !r.method().equals("HEAD") && !expected && status != 431 && status != 414) {
            wrong.add(r + " -> " + status + " as " + type + " " + text);
        } else if (failed && (text.length() > 20_000 || text.contains("\tat dev.loupe"))) {
            wrong.add(r + " -> " + status + ", " + text.length() + " characters: "
                    + text.substring(0, Math.min(300, text.length())));
        }
    }

    /** Bytes that are no HTTP, too much of it, or less than was promised. */
    @Test
    void whatIsNoHttpHarmsNobody() throws Exception {
        int cases = Math.max(60, CASES / 10);
        AtomicInteger answered = new AtomicInteger();
        Cases.checkSame(cases, random -> {
            byte[] bytes = HostileRequests.noHttp(random);
            try (Socket socket = new Socket("127.0.0.1", http.server().port())) {
                socket.setSoTimeout(60_000);
                socket.getOutputStream().write(bytes);
                socket.getOutputStream().flush();
                socket.shutdownOutput();
                String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
                if (!answer.isEmpty()) {
                    answered.incrementAndGet();
                    assertThat(answer).startsWith("HTTP/1.").doesNotContain("\tat ");
                    assertThat(answer.substring(0, Math.min(12, answer.length())))
                            .as(() -> new String(bytes, StandardCharsets.ISO_8859_1) + " -> " + LAST.get("error"))
                            .isNotEqualTo("HTTP/1.1 500");
                }
            } catch (java.net.SocketException e) {
                // the server closed first: its right
            }
        });
        System.out.println(cases + " requests that are no HTTP: " + answered + " answered");
        assertThat(http.get("/api/health").statusCode()).isEqualTo(200);
    }
}
