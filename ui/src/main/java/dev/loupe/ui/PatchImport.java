package dev.loupe.ui;

import com.vaadin.flow.component.upload.Upload;
import com.vaadin.flow.server.streams.UploadHandler;
import dev.loupe.base.LoupeException;
import dev.loupe.patch.PairFiles;
import dev.loupe.patch.task.PatchPair;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** A button that takes prompt pairs from a file: CSV with a header, or JSON lines. */
final class PatchImport extends Upload {
    private static final int MOST_BYTES = 16 << 20;

    /**
     * The button.
     *
     * @param taken gets the pairs and the file's name
     * @param refused gets one sentence
     */
    PatchImport(BiConsumer<List<PatchPair>, String> taken, Consumer<String> refused) {
        setId("import");
        setMaxFiles(1);
        setMaxFileSize(MOST_BYTES);
        setAcceptedFileTypes(".csv", ".jsonl", ".json", "text/csv");
        setDropAllowed(false);
        setUploadButton(Kit.button("Import pairs", "", () -> {}));
        getElement().setAttribute("title", "CSV with the columns clean, corrupt, answer, wrong, or JSON lines");
        setUploadHandler(UploadHandler.inMemory((file, bytes) -> {
            clearFileList();
            String name = file.fileName();
            try {
                boolean csv = name.toLowerCase(Locale.ROOT).endsWith(".csv");
                taken.accept(PairFiles.parse(new String(bytes, StandardCharsets.UTF_8), csv, name), name);
            } catch (LoupeException e) {
                refused.accept(String.valueOf(e.getMessage()));
            }
        }));
        addFileRejectedListener(e -> refused.accept("The file was not taken: " + e.getErrorMessage() + "."));
    }
}
