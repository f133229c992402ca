package dev.loupe.ui;

import com.vaadin.flow.router.QueryParameters;
import dev.loupe.graph.GraphView;
import dev.loupe.ui.element.CircuitGraph;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** How somebody looks at a circuit: pinned, grouped and named nodes, the chosen one, both sliders. All of it is in the address. */
final class CircuitLook {
    private static final double USUAL_INFLUENCE = 1;
    private static final double USUAL_EDGES = 0.8;

    private final Set<String> pinned = new LinkedHashSet<>();
    private final Map<String, List<String>> groups = new LinkedHashMap<>();
    private final Map<String, String> labels = new LinkedHashMap<>();
    private String selected = "";
    private double influence = USUAL_INFLUENCE;
    private double edges = USUAL_EDGES;

    /** Takes what was kept beside a graph. */
    void read(GraphView v) {
        v.pinned().forEach(pinned::add);
        v.groups().forEach(g -> groups.put(g.name(), new ArrayList<>(g.nodes())));
        labels.putAll(v.labels());
        selected = v.selected() == null ? "" : v.selected();
        influence = v.influence() == null ? USUAL_INFLUENCE : share(v.influence());
    }

    /** Takes an address; true if it says anything. */
    boolean read(QueryParameters q) {
        Map<String, List<String>> all = q.getParameters();
        boolean says = all.containsKey("pinned") || all.containsKey("group") || all.containsKey("label");
        if (says) {
            clear();
        }
        all.getOrDefault("pinned", List.of()).forEach(v -> pinned.addAll(parts(v, ",")));
        for (String g : all.getOrDefault("group", List.of())) {
            List<String> named = parts(g, ":");
            if (named.size() > 1) {
                groups.put(named.get(0), new ArrayList<>(named.subList(1, named.size())));
            }
        }
        for (String l : all.getOrDefault("label", List.of())) {
            List<String> named = parts(l, ":");
            if (named.size() == 2) {
                labels.put(named.get(0), named.get(1));
            }
        }
        selected = Page.parameter(q, "selected").isEmpty() ? selected : Page.parameter(q, "selected");
        influence = number(Page.parameter(q, "influence"), influence);
        edges = number(Page.parameter(q, "edges"), edges);
        return says;
    }

    private void clear() {
        pinned.clear();
        groups.clear();
        labels.clear();
    }

    private static double number(String text, double otherwise) {
        return text.matches("[01](\\.[0-9]{1,6})?") ? share(Double.parseDouble(text)) : otherwise;
    }

    private static double share(double v) {
        return Math.clamp(v, 0, 1);
    }

    /** Parts of a list whose members may hold the separator, escaped as in an address. */
    private static List<String> parts(String text, String separator) {
        List<String> all = new ArrayList<>();
        for (String part : text.split(separator, -1)) {
            try {
                String plain = URLDecoder.decode(part.replace("+", "%2B"), StandardCharsets.UTF_8);
                if (!plain.isEmpty()) {
                    all.add(plain);
                }
            } catch (IllegalArgumentException e) {
                all.add(part); // a lone percent sign that somebody typed
            }
        }
        return all;
    }

    private static String escaped(String text) {
        return text.replace("%", "%25").replace(",", "%2C").replace(":", "%3A");
    }

    /** The address. */
    Map<String, List<String>> address() {
        Map<String, List<String>> q = new LinkedHashMap<>();
        if (!pinned.isEmpty()) {
            q.put("pinned", List.of(pinned.stream().map(CircuitLook::escaped).collect(Collectors.joining(","))));
        }
        if (!groups.isEmpty()) {
            List<String> all = new ArrayList<>();
            groups.forEach((name, nodes) -> all.add(escaped(name) + ":"
                    + nodes.stream().map(CircuitLook::escaped).collect(Collectors.joining(":"))));
            q.put("group", all);
        }
        if (!labels.isEmpty()) {
            List<String> all = new ArrayList<>();
            labels.forEach((id, name) -> all.add(escaped(id) + ":" + escaped(name)));
            q.put("label", all);
        }
        if (!selected.isEmpty()) {
            q.put("selected", List.of(selected));
        }
        if (influence != USUAL_INFLUENCE) {
            q.put("influence", List.of(String.format(Locale.ROOT, "%.2f", influence)));
        }
        if (edges != USUAL_EDGES) {
            q.put("edges", List.of(String.format(Locale.ROOT, "%.2f", edges)));
        }
        return q;
    }

    /** What to keep beside a graph. */
    GraphView view() {
        List<GraphView.Group> all = new ArrayList<>();
        groups.forEach((name, nodes) -> all.add(new GraphView.Group(name, nodes)));
        return new GraphView(List.copyOf(pinned), all, labels, selected.isEmpty() ? null : selected, influence);
    }

    /** What the drawing is told. */
    CircuitGraph.View drawn() {
        List<CircuitGraph.Group> all = new ArrayList<>();
        groups.forEach((name, nodes) -> all.add(new CircuitGraph.Group(name, List.copyOf(nodes))));
        return new CircuitGraph.View(
                List.copyOf(pinned), all, Map.copyOf(labels), selected.isEmpty() ? null : selected, influence, edges);
    }

    /** Every node that is pinned or in a group. */
    Set<String> chosen() {
        Set<String> all = new LinkedHashSet<>(pinned);
        groups.values().forEach(all::addAll);
        return all;
    }

    boolean isPinned(String id) {
        return pinned.contains(id) || !groupOf(id).isEmpty();
    }

    /** Pins a node or lets it go, out of its group too. */
    void pin(String id) {
        if (isPinned(id)) {
            pinned.remove(id);
            ungroup(id);
        } else {
            pinned.add(id);
        }
    }

    /** The group of a node; empty for none. */
    String groupOf(String id) {
        return groups.entrySet().stream()
                .filter(g -> g.getValue().contains(id))
                .map(Map.Entry::getKey)
                .findFirst()
                .orElse("");
    }

    Set<String> groupNames() {
        return groups.keySet();
    }

    /** Puts nodes into a group, which is made if there is none of that name; an empty name takes them out. */
    void group(List<String> ids, String name) {
        ids.forEach(this::ungroup);
        if (!name.isBlank()) {
            groups.computeIfAbsent(name.strip(), n -> new ArrayList<>()).addAll(ids);
        }
        pinned.addAll(ids);
    }

    /** Gives a group another name. */
    void renameGroup(String from, String to) {
        List<String> nodes = groups.remove(from);
        if (nodes != null) {
            groups.computeIfAbsent(to.strip(), n -> new ArrayList<>()).addAll(nodes);
        }
    }

    private void ungroup(String id) {
        groups.values().forEach(nodes -> nodes.remove(id));
        groups.values().removeIf(List::isEmpty);
    }

    String label(String id) {
        return labels.getOrDefault(id, "");
    }

    /** Names a node; an empty name takes the old one away. */
    void rename(String id, String name) {
        if (name.isBlank()) {
            labels.remove(id);
        } else {
            labels.put(id, name.strip());
        }
    }

    String selected() {
        return selected;
    }

    void select(String id) {
        selected = id;
    }

    double influence() {
        return influence;
    }

    void influence(double share) {
        influence = share(share);
    }

    double edges() {
        return edges;
    }

    void edges(double share) {
        edges = share(share);
    }
}
