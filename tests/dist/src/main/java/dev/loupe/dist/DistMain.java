package dev.loupe.dist;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./loupe dist}, after the build: packs what was built. */
@Command(
        name = "loupe dist",
        description = "Packs a release for machines with a JDK 25 and nothing else.",
        mixinStandardHelpOptions = true)
public final class DistMain implements Callable<Integer> {
    @Option(names = "--root", hidden = true, required = true)
    private Path root = Path.of("");

    @Option(names = "--version-name", hidden = true, required = true)
    private String version = "";

    @Option(names = "--time", hidden = true, required = true)
    private String time = "";

    @Option(names = "--out", paramLabel = "DIR", description = "Where to put it (default: target of the checkout).")
    private Path out = Path.of("");

    @Option(
            names = "--natives",
            paramLabel = "MACHINE",
            defaultValue = "",
            description =
                    "Also put PyTorch's library for linux-x86_64, linux-aarch64 or osx-aarch64 inside, for machines"
                            + " without a network (default: fetched on first start).")
    private String machine = "";

    /** Packs and exits: 0 done, 1 failed, 2 wrong use. */
    public static void main(String[] args) {
        CommandLine line = new CommandLine(new DistMain());
        line.setExecutionExceptionHandler((e, command, result) -> {
            if (!(e instanceof LoupeException)) {
                throw e;
            }
            command.getErr().println(e.getMessage());
            return 1;
        });
        System.exit(line.execute(args));
    }

    @Override
    public Integer call() throws IOException {
        Path built = root.resolve("tests/dist/target");
        List<Path> classPath = Arrays.stream(
                        Files.readString(built.resolve("classpath")).strip().split(File.pathSeparator))
                .map(Path::of)
                .toList();
        Release release = new Release(root, classPath, Bom.read(built.resolve("bom.json")), version, machine);
        Path folder = out.toString().isEmpty() ? root.resolve("target") : out;
        Path archive = folder.resolve(release.name() + (machine.isEmpty() ? "" : "-" + machine) + ".tar.gz");
        TarGz files = release.files();
        AtomicFiles.write(
                archive,
                to -> files.write(to, release.name(), Instant.parse(time).getEpochSecond()));
        String sum = Checksums.sha256(archive);
        AtomicFiles.writeString(
                archive.resolveSibling(archive.getFileName() + ".sha256"), sum + "  " + archive.getFileName() + "\n");
        AtomicFiles.writeString(
                folder.resolve(release.name() + ".cdx.json"), release.bom().json());
        AtomicFiles.writeString(
                folder.resolve(release.name() + "-THIRD-PARTY.md"), Notices.thirdParty(release.bom(), version));
        Files.write(folder.resolve(release.name() + "-NOTICE"), Files.readAllBytes(root.resolve("NOTICE")));
        new CommandLine(this)
                .getOut()
                .println(archive + "  " + Fmt.bytes(Files.size(archive)) + "  sha256 " + sum.substring(0, 16));
        return 0;
    }
}
