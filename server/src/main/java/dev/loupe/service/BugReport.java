package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.channels.Channels;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * One zip file with what a bug report needs: machine, settings, the state of the workspace and its jobs, the end of the log.
 * No text that somebody gave a model or a model wrote, no token, no key: of settings that could hold one only whether they
 * are set, of jobs not what was asked, of the log what {@link LogExtract} lets through.
 */
public final class BugReport {
    private static final int LOGS = 3;
    private static final int LINES = 2000;
    private static final List<Settings.Key> HIDDEN = List.of(
            Settings.Key.TOKEN_FILE,
            Settings.Key.LABEL_URL,
            Settings.Key.SPARK_CONF, // may hold the keys of a store of objects
            Settings.Key.STORAGE,
            Settings.Key.ON, // names of machines that are nobody's business
            Settings.Key.HOST,
            Settings.Key.ALLOWED_HOSTS,
            Settings.Key.TRUSTED_PROXIES,
            Settings.Key.ARCHIVE);

    private static final int TAIL = 4 << 20;
    private static final Pattern HARMLESS = Pattern.compile("-X(?:mx|ms|ss|mn)\\d+[kKmMgG]?|-XX:[+-]\\w+"
            + "|-XX:(?:TieredStopAtLevel|MaxDirectMemorySize|MaxRAMPercentage|ActiveProcessorCount|MaxHeapSize"
            + "|ReservedCodeCacheSize|MaxMetaspaceSize|SoftMaxHeapSize|ParallelGCThreads|ConcGCThreads)=[\\d.]+[kKmMgG]?"
            + "|--add-modules=[\\w.,-]+|--add-(?:opens|exports)=[\\w.]+/[\\w.]+=[\\w.,-]+"
            + "|--enable-native-access=[\\w.,-]+|--sun-misc-unsafe-memory-access=\\w+|--enable-preview|-ea|-server");
    /** The name of a flag: what comes before =, or before the colon that a path or an agent follows. */
    private static final Pattern FLAG = Pattern.compile("-XX:[+-]?\\w+|-D[\\w.-]+|--?[A-Za-z][\\w-]*");

    private static final Pattern OF_A_FILE = Pattern.compile("^((?:Store|SAE) [\\w.-]+): .*", Pattern.DOTALL);

    private static final String README = """
            What is inside, for whoever reads the report:

            doctor.json      what loupe doctor says
            machine.json     version, JDK, flags, names of set variables, jars
            workspace.json   names and states of stores, SAEs and indexes
            jobs.json        the last jobs: kind, state, times; not what they were asked
            log.txt          the end of the log: times, places, kinds of failures; messages are left out

            There is no text of users or models in here, no access token, no key, no name of a machine. Names that you gave
            to stores, SAEs and jobs are, and ids that programs gave to their requests: look through the files before you
            send them. WORKSPACE is the workspace's folder.
            """;

    private BugReport() {}

    /**
     * Writes the file.
     *
     * @param version of Loupe
     * @param environment only the names of its {@code LOUPE_} variables are told
     */
    public static void write(
            Path zip, Workbench bench, Doctor.Report report, String version, Map<String, String> environment) {
        Map<String, String> parts = new LinkedHashMap<>();
        parts.put("README.txt", README);
        parts.put("doctor.json", json(doctor(report)));
        parts.put("machine.json", json(machine(version, environment)));
        parts.put("workspace.json", json(workspace(bench)));
        parts.put("jobs.json", json(jobs(bench)));
        parts.put("log.txt", log(bench.workspace().logs()));
        String workspace = bench.workspace().root().toString();
        parts.replaceAll((name, text) -> withoutHome(text.replace(workspace, "WORKSPACE")));
        AtomicFiles.write(zip, out -> pack(out, parts));
    }

    private static void pack(OutputStream out, Map<String, String> parts) throws IOException {
        ZipOutputStream zip = new ZipOutputStream(out, StandardCharsets.UTF_8);
        for (Map.Entry<String, String> part : parts.entrySet()) {
            zip.putNextEntry(new ZipEntry(part.getKey()));
            zip.write(part.getValue().getBytes(StandardCharsets.UTF_8));
            zip.closeEntry();
        }
        zip.finish();
    }

    static List<Map<String, String>> settings(Iterable<Settings.Setting> all) {
        List<Map<String, String>> told = new ArrayList<>();
        for (Settings.Setting s : all) {
            boolean hidden = HIDDEN.stream().anyMatch(k -> k.text().equals(s.name()));
            String value = !hidden ? s.value() : s.value().isEmpty() ? "" : "(set)";
            told.add(Map.of("name", s.name(), "value", value, "from", s.origin().name()));
        }
        return told;
    }

    private static Map<String, Object> doctor(Doctor.Report report) {
        List<Map<String, String>> settings = settings(report.settings());
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("machine", report.machine());
        all.put("workspace", report.workspace());
        all.put("settings", settings);
        all.put("problems", report.problems().stream().map(BugReport::problem).toList());
        return all;
    }

    /** Of a damaged file only which one it is: why it cannot be read may quote it. */
    static String problem(String sentence) {
        return OF_A_FILE.matcher(sentence).replaceFirst("$1 does not open.");
    }

    private static Map<String, Object> machine(String version, Map<String, String> environment) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("loupe", version);
        for (String name :
                List.of("java.runtime.version", "java.vendor", "java.vm.name", "os.name", "os.version", "os.arch")) {
            all.put(name, System.getProperty(name, ""));
        }
        all.put("cores", Runtime.getRuntime().availableProcessors());
        all.put("heap_limit_bytes", Runtime.getRuntime().maxMemory());
        all.put(
                "flags",
                ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                        .map(BugReport::flag)
                        .toList());
        all.put(
                "variables",
                environment.keySet().stream()
                        .filter(n -> n.startsWith("LOUPE_"))
                        .sorted()
                        .toList());
        all.put(
                "class_path",
                Arrays.stream(System.getProperty("java.class.path", "").split(File.pathSeparator))
                        .map(p -> Path.of(p).getFileName())
                        .map(String::valueOf)
                        .toList());
        return all;
    }

    /** A flag of Java's: whole where its value is a number or names of modules, else up to its value, which may be anything. */
    static String flag(String flag) {
        if (HARMLESS.matcher(flag).matches()) {
            return flag;
        }
        Matcher m = FLAG.matcher(flag);
        return m.lookingAt() ? m.group() + (m.end() < flag.length() ? "..." : "") : "...";
    }

    private static Map<String, Object> workspace(Workbench bench) {
        List<Map<String, Object>> stores = new ArrayList<>();
        for (StoreView s : bench.stores().list()) {
            stores.add(row(s.name(), s.problem() == null));
        }
        List<Map<String, Object>> saes = new ArrayList<>();
        for (SaeView s : bench.saes().list()) {
            saes.add(row(s.name(), s.problem() == null));
        }
        return Map.of(
                "stores", stores, "saes", saes, "indexes", bench.features().indexed());
    }

    private static Map<String, Object> row(String name, boolean opens) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("name", name);
        row.put("opens", opens);
        return row;
    }

    private static List<Map<String, Object>> jobs(Workbench bench) {
        List<Map<String, Object>> all = new ArrayList<>();
        for (Job j : bench.jobs().list().stream().limit(100).toList()) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("id", j.id());
            row.put("kind", j.kind());
            row.put("by", j.by());
            row.put("state", j.state().name().toLowerCase(Locale.ROOT));
            row.put("created", j.created().toString());
            row.put("ended", String.valueOf(j.ended()));
            row.put("done", j.done() + " of " + j.total() + " " + j.unit());
            all.add(row);
        }
        return all;
    }

    /** The last lines of the newest logs, oldest first. */
    private static String log(Path folder) {
        if (!Files.isDirectory(folder)) {
            return "";
        }
        List<String> lines = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> logs = files.filter(f -> f.getFileName().toString().matches("loupe-.*\\.(log|jsonl)"))
                    .sorted()
                    .toList();
            for (Path log : logs.subList(Math.max(0, logs.size() - LOGS), logs.size())) {
                boolean objects = log.toString().endsWith(".jsonl");
                lines.addAll(objects ? LogExtract.ofObjects(tail(log)) : LogExtract.of(tail(log)));
            }
        } catch (IOException e) {
            throw new LoupeException("The logs in " + folder + " cannot be read (" + e.getMessage() + ").", e);
        }
        return String.join("\n", lines.subList(Math.max(0, lines.size() - LINES), lines.size())) + "\n";
    }

    /** The last lines of a log, however long it is; a line that was cut is left out. */
    static List<String> tail(Path log) throws IOException {
        try (SeekableByteChannel in = Files.newByteChannel(log)) {
            long from = Math.max(0, in.size() - TAIL);
            in.position(from);
            byte[] bytes = Channels.newInputStream(in).readNBytes(TAIL);
            List<String> lines =
                    new String(bytes, StandardCharsets.ISO_8859_1).lines().toList();
            return from == 0 || lines.isEmpty() ? lines : lines.subList(1, lines.size());
        }
    }

    private static String json(Object value) {
        return Json.MAPPER.writeValueAsString(value) + "\n";
    }

    /** The user's name stands in the path of a home. */
    private static String withoutHome(String text) {
        String home = System.getProperty("user.home", "");
        return home.length() < 2 ? text : text.replace(home, "~");
    }
}
