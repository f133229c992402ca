package dev.loupe.dist;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The bill of materials: what Maven knows of every library (a CycloneDX document), and what lies behind them that Maven
 * does not know: the parts of PyTorch's library, the scripts of the pages, the embedded model and its texts.
 */
final class Bom {
    /** Jars whose own files say nothing; their sources do. */
    private static final Map<String, String> UNSAID = Map.of("immutables-exceptions", "Apache-2.0");

    private final ObjectNode document;
    private final SortedMap<String, String> texts = new TreeMap<>();

    /**
     * One part.
     *
     * @param name as its makers write it; {@code group:artifact} for a jar
     * @param version empty if its container's version says it
     * @param licence SPDX ids, or the licence's name
     * @param url where it comes from; empty if nowhere else
     * @param inside the file that holds it; empty for a jar of its own
     */
    record Part(String name, String version, String licence, String url, String inside) {}

    private Bom(ObjectNode document) {
        this.document = document;
    }

    /** What the build wrote, with what lies behind it added. */
    static Bom read(Path file) {
        if (!(Json.tree(file) instanceof ObjectNode document)) {
            throw new LoupeException("The bill of materials " + file + " is no JSON object.");
        }
        Bom bom = new Bom(document);
        bom.takeOut("pytorch-native"); // of the building machine; not in the archive
        bom.takeTextsOut();
        bom.addBehind();
        return bom;
    }

    /** Every jar, ours left out, in the order of names. */
    List<Part> jars() {
        List<Part> all = new ArrayList<>();
        for (JsonNode c : document.path("components")) {
            if (c.has("purl") && !c.path("group").asString("").startsWith("dev.loupe")) {
                String url = "";
                for (JsonNode r : c.path("externalReferences")) {
                    if (r.path("type").asString("").equals("website")) {
                        url = r.path("url").asString("");
                    }
                }
                all.add(new Part(
                        c.path("group").asString("") + ":" + c.path("name").asString(""),
                        c.path("version").asString(""),
                        licences(c),
                        url,
                        ""));
            }
        }
        all.sort(java.util.Comparator.comparing(Part::name).thenComparing(Part::version));
        return all;
    }

    /** What lies behind the jars, in the order of the committed list. */
    static List<Part> behind() {
        List<Part> all = new ArrayList<>();
        try (InputStream in = Bom.class.getResourceAsStream("behind.json")) {
            for (JsonNode row : Json.MAPPER.readTree(in)) {
                all.add(new Part(
                        row.path("name").asString(""),
                        row.path("version").asString(""),
                        row.path("licence").asString(""),
                        row.path("url").asString(""),
                        row.path("inside").asString("")));
            }
            return all;
        } catch (IOException e) {
            throw new LoupeException("The list of what lies behind cannot be read (" + e.getMessage() + ").", e);
        }
    }

    /** Licence texts by SPDX id. */
    SortedMap<String, String> licenceTexts() {
        return texts;
    }

    /** The document as it is released. */
    String json() {
        return Json.MAPPER.writeValueAsString(document) + "\n";
    }

    private static String licences(JsonNode component) {
        List<String> all = new ArrayList<>();
        for (JsonNode l : component.path("licenses")) {
            JsonNode one = l.path("license");
            all.add(
                    l.has("expression")
                            ? l.path("expression").asString("")
                            : one.path("id").asString(one.path("name").asString("")));
        }
        return all.isEmpty() ? UNSAID.getOrDefault(component.path("name").asString(""), "") : String.join(" OR ", all);
    }

    /** Removes libraries, and what depends on them. */
    private void takeOut(String beginning) {
        Set<String> gone = new HashSet<>();
        removeIf(document.path("components"), c -> {
            boolean out = c.path("name").asString("").startsWith(beginning);
            if (out) {
                gone.add(c.path("bom-ref").asString(""));
            }
            return out;
        });
        removeIf(document.path("dependencies"), d -> gone.contains(d.path("ref").asString("")));
        for (JsonNode d : document.path("dependencies")) {
            removeIf(d.path("dependsOn"), ref -> gone.contains(ref.asString("")));
        }
    }

    private static void removeIf(JsonNode array, Predicate<JsonNode> out) {
        for (int i = array.size() - 1; i >= 0; i--) {
            if (out.test(array.path(i))) {
                ((ArrayNode) array).remove(i);
            }
        }
    }

    /** Texts come once as files beside the document, not with every component. */
    private void takeTextsOut() {
        for (JsonNode c : document.path("components")) {
            for (JsonNode l : c.path("licenses")) {
                if (l.path("license") instanceof ObjectNode licence && licence.has("text")) {
                    String content = licence.path("text").path("content").asString("");
                    String text =
                            licence.path("text").path("encoding").asString("").equals("base64")
                                    ? new String(Base64.getDecoder().decode(content), StandardCharsets.UTF_8)
                                    : content;
                    if (licence.has("id")) {
                        texts.put(licence.path("id").asString(""), text);
                    }
                    licence.remove("text");
                }
            }
        }
        if (document.path("metadata").path("component") instanceof ObjectNode us) {
            us.path("licenses").forEach(l -> {
                if (l.path("license") instanceof ObjectNode licence) {
                    licence.remove("text");
                }
            });
        }
    }

    private void addBehind() {
        ArrayNode components = document.withArray("/components");
        for (Natives n : Natives.all()) {
            ObjectNode c = components.addObject();
            c.put("type", "library");
            c.put("bom-ref", "native:" + n.machine());
            c.put("group", "ai.djl.pytorch");
            c.put("name", "pytorch-native-cpu (" + n.machine() + ")");
            c.put("scope", "optional");
            ObjectNode hash = c.putArray("hashes").addObject();
            hash.put("alg", "SHA-256");
            hash.put("content", n.sha256());
            c.put("description", "fetched on the first start on such a machine: " + n.path());
        }
        int i = 0;
        for (Part p : behind()) {
            ObjectNode c = components.addObject();
            c.put(
                    "type",
                    p.name().contains("model") && p.inside().startsWith("lib") ? "machine-learning-model" : "library");
            c.put("bom-ref", "behind:" + i++);
            c.put("name", p.name());
            if (!p.version().isEmpty()) {
                c.put("version", p.version());
            }
            c.put("description", "inside " + p.inside());
            c.putArray("licenses").addObject().putObject("license").put("name", p.licence());
            if (!p.url().isEmpty()) {
                ObjectNode reference = c.putArray("externalReferences").addObject();
                reference.put("type", "website");
                reference.put("url", p.url());
            }
        }
    }
}
