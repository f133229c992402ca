package dev.loupe.cli;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options of commands whose results are kept under names and exchanged as files. */
final class ResultOptions {
    @Option(names = "--save", paramLabel = "NAME", description = "Keep the result under this name.")
    @Nullable String save;

    @Option(names = "--open", paramLabel = "NAME", description = "Take a saved result instead of computing one.")
    @Nullable String open;

    @Option(
            names = "--rerun",
            paramLabel = "NAME",
            description = "Compute a saved result again from its own manifest, and say whether every bit is the same.")
    @Nullable String rerun;

    @Option(
            names = "--part",
            split = ",",
            paramLabel = "NODE",
            description = "With --open: how much these nodes alone keep.")
    List<String> part = List.of();

    @Option(names = "--import", paramLabel = "FILE", description = "Take a graph of circuit-tracer (JSON) instead.")
    @Nullable Path tracer;

    @Option(
            names = "--export",
            paramLabel = "FILE",
            description = "Write it as circuit-tracer's .json, as .dot or as .svg.")
    @Nullable Path export;
}
