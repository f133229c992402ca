package dev.loupe.engine.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The kernels' sources, resources beside this class.
 *
 * @param file its name
 * @param text all of it, with what it includes before it
 */
record KernelSource(String file, String text) {
    /** Files of kernels, in the order of a step; then those for other work. */
    static final List<String> FILES = List.of(
            "rows.cu",
            "select.cu",
            "decode.cu",
            "group.cu",
            "latents.cu",
            "dense.cu",
            "finish.cu",
            "encode.cu",
            "cosines.cu",
            "floors.cu");

    /** What all of them begin with. */
    static final List<String> HEADERS = List.of("step.cuh", "device.cuh", "rule.cuh");

    private static final Pattern KERNEL = Pattern.compile("(?m)^KERNEL (\\w+)\\(");

    /** All files. */
    static List<KernelSource> all() {
        StringBuilder headers = new StringBuilder();
        HEADERS.forEach(h -> headers.append(read(h)));
        return FILES.stream().map(f -> new KernelSource(f, headers + read(f))).toList();
    }

    /** The kernels of the file. */
    List<String> kernels() {
        List<String> names = new ArrayList<>();
        Matcher m = KERNEL.matcher(text);
        while (m.find()) {
            names.add(m.group(1));
        }
        return names;
    }

    /** One resource. */
    static String read(String name) {
        try (InputStream in = KernelSource.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("the resource " + name + " is missing");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
