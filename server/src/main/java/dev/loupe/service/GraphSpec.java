package dev.loupe.service;

import dev.loupe.base.Names;
import dev.loupe.base.UsageException;
import dev.loupe.graph.GraphRequest;

/**
 * A graph that is computed and kept.
 *
 * @param name under which name it is saved
 * @param graph what it explains
 */
public record GraphSpec(String name, GraphRequest graph) {
    /** Checks what can be checked alone. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public GraphSpec {
        if (name == null || graph == null) {
            throw new UsageException("A graph that is kept needs a name and, as graph, what it explains.");
        }
        Names.check(name);
        graph.check();
    }
}
