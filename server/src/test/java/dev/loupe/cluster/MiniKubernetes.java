package dev.loupe.cluster;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.loupe.base.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * As much of a Kubernetes API server as Spark uses, on the loopback interface: pods, config maps and their like with create,
 * get, list, watch, patch and delete over HTTP, a question after one's rights, and what such a server refuses. What is created
 * is looked at as a real one would ({@link PodRules}).
 */
final class MiniKubernetes implements AutoCloseable {
    private static final List<String> PATH = List.of("api", "v1", "namespaces");
    private static final String REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final PodStore store = new PodStore();
    private final Set<String> denied = ConcurrentHashMap.newKeySet();
    private final List<String> said = new CopyOnWriteArrayList<>();
    private volatile int refusal;
    private volatile String quota = "";

    private MiniKubernetes(HttpServer server) {
        this.server = server;
    }

    static MiniKubernetes start() throws IOException {
        MiniKubernetes k =
                new MiniKubernetes(HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0));
        k.server.createContext("/", k::answer);
        k.server.setExecutor(k.threads);
        k.server.start();
        return k;
    }

    /** The name of it for {@code --on}. */
    String master() {
        return "k8s://http://127.0.0.1:" + server.getAddress().getPort();
    }

    PodStore store() {
        return store;
    }

    /** Requests so far: method and path. */
    List<String> requests() {
        return said;
    }

    /** Answers everything with a status from now on: 401, 403; 0 for no such thing. */
    void refuse(int status) {
        refusal = status;
    }

    /** Takes a right from the account, such as {@code create pods}. */
    void deny(String right) {
        denied.add(right);
    }

    void allowAll() {
        denied.clear();
        quota = "";
        refusal = 0;
    }

    /** Refuses every new pod with a sentence, as a quota does: the account has the right. */
    void quota(String sentence) {
        quota = sentence;
    }

    private void answer(HttpExchange http) throws IOException {
        try (http) {
            String method = http.getRequestMethod();
            String path = http.getRequestURI().getPath();
            said.add(method + " " + path);
            byte[] body = http.getRequestBody().readAllBytes();
            if (refusal != 0) {
                status(http, refusal, refusal == 401 ? "Unauthorized" : "User \"somebody\" cannot do that");
            } else if (path.equals(REVIEWS) && method.equals("POST")) {
                review(http, (ObjectNode) Json.MAPPER.readTree(body));
            } else {
                List<String> part = List.of(path.substring(1).split("/"));
                if (part.size() == 4 && part.subList(0, 3).equals(PATH) && method.equals("GET")) {
                    namespace(http, part.get(3));
                } else if (part.size() < 5 || !part.subList(0, 3).equals(PATH)) {
                    status(http, 404, "the server could not find the requested resource");
                } else {
                    objects(http, method, part.get(3), part.get(4), part.size() > 5 ? part.get(5) : "", body);
                }
            }
        } catch (RuntimeException e) {
            status(http, 500, e.toString());
        }
    }

    private static void namespace(HttpExchange http, String name) throws IOException {
        if (!name.equals("default")) {
            status(http, 404, "namespaces \"" + name + "\" not found");
            return;
        }
        ObjectNode namespace = Json.MAPPER.createObjectNode();
        namespace.put("apiVersion", "v1").put("kind", "Namespace");
        namespace.putObject("metadata").put("name", name);
        send(http, 200, namespace);
    }

    private void review(HttpExchange http, ObjectNode review) throws IOException {
        JsonNode asked = review.path("spec").path("resourceAttributes");
        String right =
                asked.path("verb").asString() + " " + asked.path("resource").asString();
        review.putObject("status").put("allowed", !denied.contains(right));
        send(http, 201, review);
    }

    private void objects(HttpExchange http, String method, String namespace, String kind, String name, byte[] body)
            throws IOException {
        Map<String, String> query = query(http);
        String verb = switch (method) {
            case "POST" -> "create";
            case "DELETE" -> "delete";
            case "PATCH" -> "patch";
            default -> query.containsKey("watch") ? "watch" : name.isEmpty() ? "list" : "get";
        };
        if (denied.contains(verb + " " + kind)) {
            status(
                    http,
                    403,
                    kind + " is forbidden: User \"system:serviceaccount:default:loupe\" cannot " + verb + " resource \""
                            + kind + "\" in API group \"\" in the namespace \"" + namespace + "\"");
            return;
        }
        switch (verb) {
            case "create" -> create(http, kind, (ObjectNode) Json.MAPPER.readTree(body));
            case "watch" -> {
                if (http.getRequestHeaders().containsKey("Upgrade")) { // no web sockets here: it asks again without
                    http.sendResponseHeaders(200, -1);
                } else {
                    watch(http, kind, query);
                }
            }
            case "list" -> send(http, 200, store.list(kind, selector(query)));
            case "delete" -> {
                if (name.isEmpty()) {
                    store.list(kind, selector(query)).path("items").forEach(o -> store.delete(kind, PodStore.name(o)));
                    status(http, 200, "");
                } else {
                    one(http, kind, name, store.delete(kind, name));
                }
            }
            case "patch" -> one(http, kind, name, store.patch(kind, name, (ObjectNode) Json.MAPPER.readTree(body)));
            default -> one(http, kind, name, store.get(kind, name));
        }
    }

    private static void one(HttpExchange http, String kind, String name, JsonNode found) throws IOException {
        if (found.isMissingNode()) {
            status(http, 404, kind + " \"" + name + "\" not found");
        } else {
            send(http, 200, found);
        }
    }

    private void create(HttpExchange http, String kind, ObjectNode object) throws IOException {
        String name = PodStore.name(object);
        List<String> wrong = kind.equals("pods") ? PodRules.wrong(object) : PodRules.wrongName(object);
        if (!wrong.isEmpty()) {
            status(http, 422, kind + " \"" + name + "\" is invalid: " + String.join(", ", wrong));
        } else if (kind.equals("pods") && !quota.isEmpty()) {
            status(http, 403, "pods \"" + name + "\" is forbidden: " + quota);
        } else if (!store.get(kind, name).isMissingNode()) {
            status(http, 409, kind + " \"" + name + "\" already exists");
        } else {
            send(http, 201, store.create(kind, object));
        }
    }

    /** A line for each change, until the other side or this server goes. */
    private void watch(HttpExchange http, String kind, Map<String, String> query) throws IOException {
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        Runnable end = store.watch(kind, selector(query), events::add);
        try {
            http.getResponseHeaders().add("Content-Type", "application/json");
            http.sendResponseHeaders(200, 0);
            OutputStream out = http.getResponseBody();
            out.flush();
            while (true) {
                String event = events.poll(1, TimeUnit.SECONDS);
                if (event != null) {
                    out.write((event + "\n").getBytes(StandardCharsets.UTF_8));
                    out.flush();
                }
            }
        } catch (IOException gone) {
            // nobody watches any more
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            end.run();
        }
    }

    private static PodSelector selector(Map<String, String> query) {
        return new PodSelector(query.getOrDefault("labelSelector", ""), query.getOrDefault("fieldSelector", ""));
    }

    private static Map<String, String> query(HttpExchange http) {
        Map<String, String> all = new HashMap<>();
        String raw = http.getRequestURI().getRawQuery();
        for (String pair : raw == null ? new String[0] : raw.split("&")) {
            String[] part = pair.split("=", 2);
            String value = part.length > 1 ? URLDecoder.decode(part[1], StandardCharsets.UTF_8) : "";
            if (!part[0].equals("watch") || value.equals("true")) {
                all.put(part[0], value);
            }
        }
        return all;
    }

    private static void status(HttpExchange http, int code, String message) throws IOException {
        ObjectNode status = Json.MAPPER.createObjectNode();
        status.put("apiVersion", "v1").put("kind", "Status").put("status", code < 400 ? "Success" : "Failure");
        status.put("message", message).put("code", code);
        send(http, code, status);
    }

    private static void send(HttpExchange http, int code, JsonNode answer) throws IOException {
        byte[] bytes = Json.MAPPER.writeValueAsBytes(answer);
        http.getResponseHeaders().set("Content-Type", "application/json");
        http.sendResponseHeaders(code, bytes.length);
        http.getResponseBody().write(bytes);
    }

    /** Names of all objects that are there: {@code pods/NAME}. */
    List<String> left() {
        List<String> all = new ArrayList<>();
        for (String kind : List.of("pods", "configmaps", "services", "persistentvolumeclaims")) {
            store.list(kind, PodSelector.ALL).path("items").forEach(o -> all.add(kind + "/" + PodStore.name(o)));
        }
        return all;
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
