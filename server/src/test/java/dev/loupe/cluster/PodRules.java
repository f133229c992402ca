package dev.loupe.cluster;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/** What a Kubernetes API server looks at before it takes a pod: names, labels, sizes, and that volumes are there. */
final class PodRules {
    private static final Pattern NAME = Pattern.compile("[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?");
    private static final Pattern LABEL = Pattern.compile("([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?");
    private static final Pattern KEY =
            Pattern.compile("([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?");
    private static final Pattern ENV = Pattern.compile("[-._a-zA-Z][-._a-zA-Z0-9]*");
    private static final Map<String, String> UNITS = Map.of(
            "",
            "1",
            "m",
            "0.001",
            "Ki",
            "1024",
            "Mi",
            "1048576",
            "Gi",
            "1073741824",
            "k",
            "1000",
            "M",
            "1000000",
            "G",
            "1000000000");

    private PodRules() {}

    /** What is wrong with a pod; empty if nothing is. */
    static List<String> wrong(JsonNode pod) {
        List<String> all = new ArrayList<>(wrongName(pod));
        JsonNode spec = pod.path("spec");
        Set<String> volumes = new HashSet<>();
        for (JsonNode volume : spec.path("volumes")) {
            String name = volume.path("name").asString("");
            if (!NAME.matcher(name).matches() || !volumes.add(name)) {
                all.add("spec.volumes: no or a second volume \"" + name + "\"");
            }
        }
        if (spec.path("containers").isEmpty()) {
            all.add("spec.containers: Required value");
        }
        for (JsonNode container : spec.path("containers")) {
            if (container.path("image").asString("").isBlank()) {
                all.add("spec.containers[0].image: Required value");
            }
            for (JsonNode variable : container.path("env")) {
                if (!ENV.matcher(variable.path("name").asString("")).matches()) {
                    all.add("env: Invalid value: \"" + variable.path("name") + "\"");
                }
            }
            Set<String> paths = new HashSet<>();
            for (JsonNode mount : container.path("volumeMounts")) {
                if (!volumes.contains(mount.path("name").asString(""))) {
                    all.add("volumeMounts: Not found: " + mount.path("name"));
                }
                if (!paths.add(mount.path("mountPath").asString(""))) {
                    all.add("volumeMounts: must be unique: " + mount.path("mountPath"));
                }
            }
            sizes(container.path("resources"), all);
        }
        return all;
    }

    private static void sizes(JsonNode resources, List<String> all) {
        JsonNode limits = resources.path("limits");
        for (Map.Entry<String, JsonNode> limit : limits.properties()) {
            BigDecimal most = quantity(limit.getValue().asString(""));
            JsonNode request = resources.path("requests").path(limit.getKey());
            if (most == null || !request.isMissingNode() && most.compareTo(quantity(request.asString(""))) < 0) {
                all.add("resources.limits: Invalid value " + limit);
            }
        }
        for (Map.Entry<String, JsonNode> request : resources.path("requests").properties()) {
            boolean counted = request.getKey().contains("/"); // a device is given as a whole, and limited by that
            if (quantity(request.getValue().asString("")) == null
                    || counted && !request.getValue().equals(limits.path(request.getKey()))) {
                all.add("resources.requests: Invalid value " + request);
            }
        }
    }

    /** A size as Kubernetes writes it; null if it is none. */
    static BigDecimal quantity(String text) {
        String number = text.replaceAll("[A-Za-z]+$", "");
        String unit = UNITS.get(text.substring(number.length()));
        return unit == null || !number.matches("\\d+(\\.\\d+)?")
                ? null
                : new BigDecimal(number).multiply(new BigDecimal(unit));
    }

    /** What is wrong with the name and the labels of any object. */
    static List<String> wrongName(JsonNode object) {
        List<String> all = new ArrayList<>();
        if (!NAME.matcher(PodStore.name(object)).matches()) {
            all.add("metadata.name: Invalid value: \"" + PodStore.name(object) + "\"");
        }
        for (Map.Entry<String, JsonNode> label :
                object.path("metadata").path("labels").properties()) {
            if (!KEY.matcher(label.getKey()).matches()
                    || !LABEL.matcher(label.getValue().asString("")).matches()) {
                all.add("metadata.labels: Invalid value: " + label);
            }
        }
        return all;
    }
}
