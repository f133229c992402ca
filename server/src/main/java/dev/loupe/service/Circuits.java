package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.patch.Circuit;
import dev.loupe.patch.CircuitFiles;
import dev.loupe.patch.CircuitPart;
import dev.loupe.patch.CircuitRequest;
import dev.loupe.patch.CircuitSearch;
import dev.loupe.patch.TracerGraph;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Circuits: which latents carry a behaviour. */
public final class Circuits {
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);

    private final Workspace workspace;
    private final Models models;
    private final Saes saes;

    Circuits(Workspace workspace, Models models, Saes saes) {
        this.workspace = workspace;
        this.models = models;
        this.saes = saes;
    }

    /** Finds a circuit without saving it. */
    public Circuit run(CircuitRequest request, Progress progress) {
        String model = request.patch().model();
        return CircuitSearch.run(models.open(model == null ? Models.BUILTIN : model), request, saes::open, progress);
    }

    /** Saves a circuit under a name: its manifest {@code circuit.json}, {@code nodes.arrow} and {@code edges.arrow}. */
    public Circuit save(Circuit circuit, String name) {
        return CircuitFiles.save(workspace.circuits(), circuit, name, (folder, saved) -> {
            AtomicFiles.write(folder.resolve("nodes.arrow"), ArrowTable.bytes(CircuitTables.nodes(saved)));
            AtomicFiles.write(folder.resolve("edges.arrow"), ArrowTable.bytes(CircuitTables.edges(saved)));
        });
    }

    /** Finds what a manifest asks for, and saves it under the name that it gives or one of the time. */
    public Circuit run(CircuitJob job, Progress progress) {
        String name = job.name() == null ? TIME.format(Instant.now()) : Names.check(job.name());
        if (list().contains(name)) {
            throw new LoupeException(
                    "There is already a circuit " + name + "; choose another name."); // before the work
        }
        return save(run(job.request(), progress), name);
    }

    /** A saved circuit's question asked again, and whether the answer is the same to the last bit. */
    public Rerun rerun(String name, Progress progress) {
        Circuit saved = get(name);
        return Rerun.of(saved, run(saved.request(), progress));
    }

    /** Names of the saved circuits. */
    public List<String> list() {
        return CircuitFiles.list(workspace.circuits());
    }

    /**
     * A saved circuit.
     *
     * @throws dev.loupe.base.NotFoundException if there is none of that name
     */
    public Circuit get(String name) {
        return CircuitFiles.open(workspace.circuits(), name);
    }

    /**
     * What a part of a saved circuit keeps of the behaviour, and what is left without it.
     *
     * @param nodes ids of the part's nodes
     */
    public CircuitPart part(String name, Set<String> nodes, Progress progress) {
        Circuit circuit = get(name);
        String model = circuit.request().patch().model();
        return CircuitSearch.part(
                models.open(model == null ? Models.BUILTIN : model), circuit, nodes, saes::open, progress);
    }

    /** Two saved circuits side by side. */
    public CircuitComparison compare(String a, String b) {
        return CircuitComparison.of(get(a), get(b));
    }

    /** Reads a graph of circuit-tracer. */
    public Circuit read(Path file) {
        return TracerGraph.read(file);
    }

    /** A circuit as text: {@code json} (circuit-tracer's), {@code dot} or {@code svg}. */
    public String export(Circuit circuit, String form) {
        return switch (form.toLowerCase(Locale.ROOT)) {
            case "json" -> Json.MAPPER.writeValueAsString(TracerGraph.of(circuit)) + "\n";
            case "dot" -> CircuitDrawing.dot(circuit);
            case "svg" -> CircuitDrawing.svg(circuit);
            default -> throw new UsageException("A circuit is exported as json, dot or svg, not as " + form + ".");
        };
    }

    /** Writes a circuit to a file whose ending says the form. */
    public void export(Circuit circuit, Path file) {
        String name = String.valueOf(file.getFileName());
        AtomicFiles.writeString(file, export(circuit, name.substring(name.lastIndexOf('.') + 1)));
    }
}
