package dev.loupe.ui;

import com.vaadin.flow.component.upload.Upload;
import com.vaadin.flow.server.streams.UploadHandler;
import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.service.Workbench;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** A button that takes a graph of circuit-tracer or Neuronpedia and keeps it under the file's name. */
final class CircuitImport extends Upload {
    private static final int MOST_BYTES = 200 << 20;

    /**
     * The button.
     *
     * @param kept gets the graph's name
     * @param refused gets one sentence
     */
    CircuitImport(Workbench workbench, Consumer<String> kept, Consumer<String> refused) {
        setId("import-graph");
        setMaxFiles(1);
        setMaxFileSize(MOST_BYTES);
        setAcceptedFileTypes(".json", "application/json");
        setDropAllowed(false);
        setUploadButton(Kit.button("Import graph", "", () -> {}));
        getElement().setAttribute("title", "Attribution graph in circuit-tracer's or Neuronpedia's JSON");
        setUploadHandler(UploadHandler.toTempFile((file, place) -> {
            clearFileList();
            String name = free(workbench, file.fileName());
            Path folder = Files.createTempDirectory("loupe-import");
            Path own = folder.resolve(name + ".json");
            try {
                Files.move(place.toPath(), own); // its name stands in what is said about it
                workbench.graphs().importAs(own, name);
                kept.accept(name);
            } catch (LoupeException e) {
                refused.accept(String.valueOf(e.getMessage()).replace(own.toString(), file.fileName()));
            } finally {
                AtomicFiles.deleteTree(folder);
            }
        }));
        addFileRejectedListener(e -> refused.accept("The file was not taken: " + e.getErrorMessage() + "."));
    }

    /** A name for a graph of a file that no graph has yet. */
    static String free(Workbench workbench, String file) {
        String plain = file.replaceAll("\\.json$", "")
                .replaceAll("[^A-Za-z0-9._-]+", "-")
                .replaceAll("^[._-]+", "");
        String base = plain.isEmpty() ? "graph" : plain.substring(0, Math.min(90, plain.length()));
        String name = base;
        for (int i = 2; workbench.graphs().names().contains(name); i++) {
            name = base + "-" + i;
        }
        return name;
    }
}
