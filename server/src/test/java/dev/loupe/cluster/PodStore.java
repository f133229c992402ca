package dev.loupe.cluster;

import dev.loupe.base.Json;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;
import tools.jackson.databind.node.ObjectNode;

/** The objects of a small Kubernetes, by kind and name, and who watches them. */
final class PodStore {
    /** What a kubelet hears of pods; both at once, by the thread that made the change. */
    interface Kubelet {
        void created(ObjectNode pod);

        /** Must be told {@link #gone} when the pod's processes have ended. */
        void deleting(String name);
    }

    private record Watcher(String kind, PodSelector which, Consumer<String> events) {}

    private final Map<String, Map<String, ObjectNode>> objects = new LinkedHashMap<>();
    private final List<Watcher> watchers = new CopyOnWriteArrayList<>();
    private final List<ObjectNode> all = new ArrayList<>();
    private volatile Kubelet kubelet;
    private long version = 1;

    void serve(Kubelet by) {
        kubelet = by;
    }

    static String name(JsonNode object) {
        return object.path("metadata").path("name").asString("");
    }

    /** Every pod as it was asked for, whether or not it is there any more. */
    synchronized List<ObjectNode> everyPod() {
        return List.copyOf(all);
    }

    JsonNode create(String kind, ObjectNode object) {
        ObjectNode copy;
        synchronized (this) {
            ObjectNode meta = (ObjectNode) object.path("metadata");
            meta.put("uid", UUID.randomUUID().toString()).put("namespace", "default");
            meta.put("creationTimestamp", now());
            if (kind.equals("pods")) {
                object.putObject("status").put("phase", "Pending");
                all.add(object.deepCopy());
            }
            of(kind).put(name(object), object);
            copy = changed(kind, object, "ADDED");
        }
        Kubelet k = kubelet;
        if (kind.equals("pods") && k != null) {
            k.created(copy.deepCopy());
        }
        return copy;
    }

    synchronized JsonNode get(String kind, String name) {
        ObjectNode found = of(kind).get(name);
        return found == null ? MissingNode.getInstance() : found.deepCopy();
    }

    synchronized ObjectNode list(String kind, PodSelector which) {
        ObjectNode list = Json.MAPPER.createObjectNode();
        list.put("apiVersion", "v1").put("kind", kind.equals("pods") ? "PodList" : "List");
        list.putObject("metadata").put("resourceVersion", Long.toString(version));
        var items = list.putArray("items");
        of(kind).values().stream().filter(which::fits).forEach(o -> items.add(o.deepCopy()));
        return list;
    }

    /** Changes an object: fields of objects one by one, everything else as a whole. */
    synchronized JsonNode patch(String kind, String name, ObjectNode change) {
        ObjectNode object = of(kind).get(name);
        if (object == null) {
            return MissingNode.getInstance();
        }
        merge(object, change);
        return changed(kind, object, "MODIFIED");
    }

    private static void merge(ObjectNode into, ObjectNode change) {
        for (Map.Entry<String, JsonNode> field : change.properties()) {
            if (field.getValue() instanceof ObjectNode inner && into.get(field.getKey()) instanceof ObjectNode old) {
                merge(old, inner);
            } else {
                into.set(field.getKey(), field.getValue());
            }
        }
    }

    /** Says what became of a pod. */
    void status(String name, ObjectNode status) {
        ObjectNode change = Json.MAPPER.createObjectNode();
        change.set("status", status);
        patch("pods", name, change);
    }

    /** Begins to delete an object; a pod goes when its kubelet says so. */
    JsonNode delete(String kind, String name) {
        JsonNode found;
        synchronized (this) {
            ObjectNode object = of(kind).get(name);
            if (object == null) {
                return MissingNode.getInstance();
            }
            ((ObjectNode) object.path("metadata")).put("deletionTimestamp", now());
            found = changed(kind, object, "MODIFIED");
        }
        Kubelet k = kubelet;
        if (kind.equals("pods") && k != null) {
            k.deleting(name);
        } else {
            gone(kind, name);
        }
        return found;
    }

    synchronized void gone(String kind, String name) {
        ObjectNode object = of(kind).remove(name);
        if (object != null) {
            changed(kind, object, "DELETED");
        }
    }

    synchronized Runnable watch(String kind, PodSelector which, Consumer<String> events) {
        Watcher w = new Watcher(kind, which, events);
        watchers.add(w);
        of(kind).values().stream().filter(which::fits).forEach(o -> events.accept(event("ADDED", o)));
        return () -> watchers.remove(w);
    }

    private ObjectNode changed(String kind, ObjectNode object, String type) {
        ((ObjectNode) object.path("metadata")).put("resourceVersion", Long.toString(++version));
        for (Watcher w : watchers) {
            if (w.kind.equals(kind) && w.which.fits(object)) {
                w.events.accept(event(type, object));
            }
        }
        return object.deepCopy();
    }

    private static String event(String type, ObjectNode object) {
        ObjectNode event = Json.MAPPER.createObjectNode();
        event.put("type", type).set("object", object.deepCopy());
        return Json.line(event);
    }

    private Map<String, ObjectNode> of(String kind) {
        return objects.computeIfAbsent(kind, k -> new LinkedHashMap<>());
    }

    private static String now() {
        return Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    }
}
