package dev.loupe.bench;

import com.sun.management.HotSpotDiagnosticMXBean;
import dev.loupe.model.LanguageModel;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * What this process, server and clients in one, is busy with: it must be as before when everybody has left.
 *
 * @param writing texts that the model writes
 * @param streams answers that are being sent as events
 * @param jobs jobs that run
 * @param sessions of browsers; those of tabs that just vanished stay until their time is over
 * @param virtual virtual threads, one for each request being answered
 * @param platform platform threads
 * @param files open files and sockets
 */
record ServerLoad(int writing, int streams, int jobs, int sessions, int virtual, int platform, int files) {
    /** As it is now. */
    static ServerLoad of(String url, LanguageModel model) throws IOException {
        String metrics;
        try (InputStream in = URI.create(url + "/api/metrics").toURL().openStream()) {
            metrics = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        int[] threads = threads();
        return new ServerLoad(
                model.writing(),
                metric(metrics, "loupe_streams"),
                metric(metrics, "loupe_jobs{state=\"running\"}"),
                metric(metrics, "loupe_sessions"),
                threads[0],
                threads[1],
                openFiles());
    }

    private static int metric(String metrics, String name) {
        return metrics.lines()
                .filter(l -> l.startsWith(name + " "))
                .mapToInt(
                        l -> (int) Double.parseDouble(l.substring(name.length()).strip()))
                .findFirst()
                .orElseThrow();
    }

    /** Virtual ones and others, from a dump: no other count has the virtual ones. */
    private static int[] threads() throws IOException {
        Path folder = Files.createTempDirectory("loupe-threads-");
        Path dump = folder.resolve("threads.txt").toAbsolutePath();
        try {
            ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
                    .dumpThreads(dump.toString(), HotSpotDiagnosticMXBean.ThreadDumpFormat.TEXT_PLAIN);
            int[] counts = new int[2];
            try (Stream<String> lines = Files.lines(dump)) {
                lines.filter(l -> l.startsWith("#")).forEach(l -> counts[l.contains("\" virtual") ? 0 : 1]++);
            }
            return counts;
        } finally {
            Files.deleteIfExists(dump);
            Files.delete(folder);
        }
    }

    private static int openFiles() throws IOException {
        Path open = Path.of("/proc/self/fd");
        if (!Files.isDirectory(open)) {
            return 0; // no Linux
        }
        try (Stream<Path> all = Files.list(open)) {
            return (int) all.count();
        }
    }

    /** Whether nobody's work is left of what came after {@code before}. */
    boolean free(ServerLoad before) {
        int vanished = Math.max(0, sessions - before.sessions); // their pages keep a thread each, to show running work
        return writing == 0 && streams == 0 && jobs <= before.jobs && virtual <= before.virtual + 2 + vanished;
    }

    @Override
    public String toString() {
        return writing + " texts, " + streams + " streams, " + jobs + " jobs, " + sessions + " sessions, " + virtual
                + " virtual and " + platform + " platform threads, " + files + " files";
    }
}
