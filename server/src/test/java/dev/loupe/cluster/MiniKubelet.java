package dev.loupe.cluster;

import dev.loupe.base.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A machine of a small Kubernetes and its scheduler: gives pods that fit an address and a root of their own, starts what their
 * container is, says what became of it, and ends it when the pod is deleted. Pods that do not fit stay pending, with the words
 * that Kubernetes has for it.
 */
final class MiniKubelet implements PodStore.Kubelet, AutoCloseable {
    static final String IMAGE = "registry.example/loupe-spark:4.2.0";

    /** What its machine has. */
    private static final Map<String, BigDecimal> CAPACITY =
            Map.of("cpu", BigDecimal.valueOf(8), "memory", BigDecimal.valueOf(64L << 30));

    private static final long GRACE_SECONDS = 15;

    private final Path folder;
    private final PodStore store;
    private final Path spark;
    private final Map<String, Process> running = new ConcurrentHashMap<>();
    private final Set<String> starved = ConcurrentHashMap.newKeySet();
    private final AtomicInteger addresses = new AtomicInteger(10);
    private volatile PodRoot.Image image = new PodRoot.Image("", Map.of());

    MiniKubelet(Path folder, PodStore store, Path spark) {
        this.folder = folder;
        this.store = store;
        this.spark = spark;
        store.serve(this);
    }

    /** What images are from now on. */
    void image(PodRoot.Image other) {
        image = other;
    }

    @Override
    public void created(ObjectNode pod) {
        String name = PodStore.name(pod);
        JsonNode container = pod.path("spec").path("containers").path(0);
        String lacks = lacks(container.path("resources"));
        if (!lacks.isEmpty()) {
            ObjectNode status = pending();
            condition(status, "PodScheduled", "False", "Unschedulable", "0/1 nodes are available: " + lacks);
            store.status(name, status);
            return;
        }
        if (!container.path("image").asString().equals(IMAGE)) {
            ObjectNode status = pending();
            condition(status, "PodScheduled", "True", "", "");
            status(status, container, "waiting")
                    .put("reason", "ImagePullBackOff")
                    .put(
                            "message",
                            "Back-off pulling image \""
                                    + container.path("image").asString() + "\"");
            store.status(name, status);
            return;
        }
        Thread.ofVirtual().name("kubelet-" + name).start(() -> run(pod, name, container));
    }

    /** What a container wants more of than there is; what is limited only is asked for to that limit. */
    private static String lacks(JsonNode resources) {
        ObjectNode requests = resources.path("limits").isObject()
                ? ((ObjectNode) resources.path("limits")).deepCopy()
                : Json.MAPPER.createObjectNode();
        resources.path("requests").properties().forEach(r -> requests.set(r.getKey(), r.getValue()));
        for (Map.Entry<String, JsonNode> one : requests.properties()) {
            BigDecimal has = CAPACITY.getOrDefault(one.getKey(), BigDecimal.ZERO);
            if (has.compareTo(PodRules.quantity(one.getValue().asString())) < 0) {
                return "1 Insufficient " + one.getKey() + ".";
            }
        }
        return "";
    }

    private void run(ObjectNode pod, String name, JsonNode container) {
        String address = "127.0.0." + addresses.incrementAndGet();
        try {
            Path own = Files.createDirectories(folder.resolve(name));
            Process process = start(pod, name, container, own, address);
            running.put(name, process);
            if (unwanted(name)) { // deleted while its root was being made
                end(process);
            }
            ObjectNode status =
                    Json.MAPPER.createObjectNode().put("phase", "Running").put("podIP", address);
            status(status, container, "running");
            store.status(name, status);
            int ended = process.waitFor();
            int code = starved.contains(name) ? 137 : ended; // as a container's runtime has it
            ObjectNode end = Json.MAPPER.createObjectNode().put("phase", code == 0 ? "Succeeded" : "Failed");
            status(end, container, "terminated")
                    .put("exitCode", code)
                    .put("reason", starved.contains(name) ? "OOMKilled" : code == 0 ? "Completed" : "Error");
            store.status(name, end);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            running.remove(name);
            if (unwanted(name)) {
                store.gone("pods", name);
            }
        }
    }

    /** Whether a pod is to go, or has gone. */
    private boolean unwanted(String name) {
        JsonNode pod = store.get("pods", name);
        return pod.isMissingNode() || pod.path("metadata").has("deletionTimestamp");
    }

    private Process start(ObjectNode pod, String name, JsonNode container, Path own, String address)
            throws IOException {
        PodRoot root = PodRoot.below(own, spark, name, address);
        for (JsonNode mount : container.path("volumeMounts")) {
            for (JsonNode volume : pod.path("spec").path("volumes")) {
                if (volume.path("name").equals(mount.path("name"))) {
                    root.mount(
                            volume(volume, own),
                            mount.path("mountPath").asString(),
                            mount.path("readOnly").asBoolean(false));
                }
            }
        }
        Map<String, String> variables = new TreeMap<>();
        for (JsonNode variable : container.path("env")) {
            String field = variable.path("valueFrom")
                    .path("fieldRef")
                    .path("fieldPath")
                    .asString("");
            variables.put(
                    variable.path("name").asString(),
                    switch (field) {
                        case "" -> variable.path("value").asString("");
                        case "status.podIP" -> address;
                        default -> pod.at("/" + field.replace('.', '/')).asString();
                    });
        }
        List<String> arguments =
                container.path("args").valueStream().map(JsonNode::asString).toList();
        return root.start(name, image, variables, arguments)
                .redirectErrorStream(true)
                .redirectOutput(own.resolve("log").toFile())
                .start();
    }

    private Path volume(JsonNode volume, Path own) throws IOException {
        if (volume.has("hostPath")) {
            return Path.of(volume.path("hostPath").path("path").asString());
        }
        Path made = PodRoot.opened(
                own.resolve("volumes").resolve(volume.path("name").asString()));
        if (volume.has("configMap")) {
            JsonNode data = store.get(
                            "configmaps", volume.path("configMap").path("name").asString())
                    .path("data");
            for (JsonNode item : volume.path("configMap").path("items")) {
                Files.writeString(
                        made.resolve(item.path("path").asString()),
                        data.path(item.path("key").asString()).asString());
            }
        } else if (!volume.has("emptyDir")) {
            throw new IOException("no such kind of volume here: " + volume);
        }
        return made;
    }

    private static ObjectNode pending() {
        return Json.MAPPER.createObjectNode().put("phase", "Pending");
    }

    private static void condition(ObjectNode status, String type, String value, String reason, String message) {
        ArrayNode conditions = status.putArray("conditions");
        conditions
                .addObject()
                .put("type", type)
                .put("status", value)
                .put("reason", reason)
                .put("message", message);
    }

    private static ObjectNode status(ObjectNode status, JsonNode container, String state) {
        return status.putArray("containerStatuses")
                .addObject()
                .put("name", container.path("name").asString())
                .put("ready", state.equals("running"))
                .putObject("state")
                .putObject(state);
    }

    @Override
    public void deleting(String name) {
        Process process = running.get(name);
        if (process == null) {
            store.gone("pods", name);
            return;
        }
        end(process);
    }

    /** Asks a container to end, and after a while no more. */
    private static void end(Process process) {
        Thread.ofVirtual().start(() -> {
            try {
                process.children().forEach(ProcessHandle::destroy);
                if (!process.waitFor(GRACE_SECONDS, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    /** Names of pods whose process lives. */
    List<String> running() {
        return List.copyOf(running.keySet());
    }

    /** Kills a pod as the system does that takes more memory than its limit. */
    void starve(String name) {
        starved.add(name);
        running.get(name).children().forEach(ProcessHandle::destroyForcibly);
    }

    /** A file of a pod's own root. */
    Path file(String name, String path) {
        return folder.resolve(name).resolve("root").resolve(path);
    }

    @Override
    public void close() throws InterruptedException {
        for (Process process : running.values()) {
            process.destroyForcibly().waitFor();
        }
    }
}
