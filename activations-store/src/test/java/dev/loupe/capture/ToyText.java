package dev.loupe.capture;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What tests capture from {@link ToyModel}: 300 lines, each a document. */
final class ToyText {
    static final List<String> HOOKS = List.of("blocks.1.hook_resid_post", "blocks.0.hook_resid_post");

    private ToyText() {}

    static Path in(Path folder) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 300; i++) {
            lines.append("Line number ")
                    .append(i)
                    .append(" says that ")
                    .append("words ".repeat(i % 20))
                    .append(i * 7)
                    .append(".\n");
        }
        return Files.writeString(folder.resolve("text.txt"), lines);
    }

    /** A capture of it, a tenth held out. */
    static CaptureRequest request(Path text, Path activations, String name, long tokens) {
        return CaptureRequest.of(name, activations, "toy", text.toString(), HOOKS, tokens)
                .withHeldOut("0.1");
    }
}
